/** The panels that the dashboards are made of. Each says what it shows, in which unit, and which alerts watch it. */
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  type DashboardLink,
  DashboardLinkBuilder,
  DashboardLinkType,
  FieldColorBuilder,
  FieldColorModeId,
  MappingType,
  type Panel,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { type AlertLimit, alertLimit, alertRule } from './alert-rules.ts';
import { PROMETHEUS, type Uid } from './names.ts';
import type { Target } from './targets.ts';
import type { Unit } from './units.ts';

export interface Query {
  readonly expr: string;
  /** The name of each series; labels stand in `{{…}}`. */
  readonly legend: string;
}

interface About {
  readonly title: string;
  /** What it shows, for somebody who has never seen it. */
  readonly description: string;
  readonly unit: Unit;
  readonly queries: readonly Query[];
  /** Of the 24 columns. */
  readonly columns?: number;
  /** Their limits are drawn, and their runbooks linked. */
  readonly alerts?: readonly string[];
  /** Linked only: alerts that compare with no single number. */
  readonly runbooksOf?: readonly string[];
  /** Figures of the scaling guide that are to be reached. */
  readonly targets?: readonly Target[];
  /** The dashboard that shows more of it. */
  readonly more?: Uid;
}

export interface TimeSeries extends About {
  readonly isStacked?: boolean;
  readonly max?: number;
}

export interface Stat extends About {
  /** Words in the place of values. */
  readonly words?: Readonly<Record<string, string>>;
  /** The series' names are what it tells. */
  readonly showsNames?: boolean;
  /** In the place of `No data`. */
  readonly noValue?: string;
  /** As tall as the panels beside it, which are no figures. */
  readonly isTall?: boolean;
}

export interface Table extends About {
  /** The columns by their labels, in order; what is not named is left out. */
  readonly labels: readonly string[];
  readonly valueTitle?: string;
  readonly noValue?: string;
}

const COLOURS = { critical: 'red', warning: 'orange', info: 'blue' } as const;
const FINE = 'green';
const HEIGHT_ROWS = 8;

/** Some lines over time. */
export function timeSeries(about: TimeSeries): Builder<Panel> {
  const panel = frame(new TimeSeriesBuilder(), about)
    .height(HEIGHT_ROWS)
    .lineWidth(1)
    .fillOpacity(about.isStacked ? 30 : 5)
    .axisSoftMin(0)
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassic))
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .calcs([]),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending));
  if (about.isStacked) panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  if (about.max !== undefined) panel.max(about.max);
  const lines = linesOf(about);
  if (lines.length > 0) {
    panel
      .thresholds(steps('transparent', lines))
      .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
  }
  return withQueries(panel, about.queries);
}

/** One figure, now, coloured by what watches it. */
export function stat(about: Stat): Builder<Panel> {
  const panel = frame(new StatBuilder(), about)
    .height(about.isTall ? HEIGHT_ROWS : HEIGHT_ROWS / 2)
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
    .colorMode(BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.None)
    .textMode(about.showsNames ? BigValueTextMode.ValueAndName : BigValueTextMode.Auto)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false))
    .thresholds(colours(about))
    .mappings(mappingsOf(about));
  if (about.noValue !== undefined) panel.noValue(about.noValue);
  return withQueries(panel, about.queries, (query) => query.instant());
}

/** One line per series, now. */
export function table(about: Table): Builder<Panel> {
  const { labels, valueTitle } = about;
  const panel = frame(new TableBuilder(), about)
    .height(HEIGHT_ROWS)
    .filterable(true)
    .withTransformation({
      id: 'filterFieldsByName',
      options: { include: { names: valueTitle === undefined ? labels : [...labels, 'Value'] } },
    })
    .withTransformation({
      id: 'organize',
      options: {
        indexByName: Object.fromEntries([...labels, 'Value'].map((name, index) => [name, index])),
        renameByName: valueTitle === undefined ? {} : { Value: valueTitle },
      },
    });
  if (about.noValue !== undefined) panel.noValue(about.noValue);
  return withQueries(panel, about.queries, (query) => query.instant().format(PromQueryFormat.Table));
}

type AnyPanel = TimeSeriesBuilder | StatBuilder | TableBuilder;

function frame<T extends AnyPanel>(panel: T, about: About): T {
  panel
    .title(about.title)
    .description([about.description, ...linesOf(about).map(({ says }) => says)].join(' '))
    .unit(about.unit)
    .datasource(PROMETHEUS)
    .span(about.columns ?? 8)
    .links(linksOf(about));
  return panel;
}

function withQueries<T extends AnyPanel>(
  panel: T,
  queries: readonly Query[],
  adapt: (query: DataqueryBuilder) => DataqueryBuilder = (query) => query.range(),
): T {
  panel.targets(
    queries.map(({ expr, legend }, index) =>
      adapt(
        new DataqueryBuilder()
          .datasource(PROMETHEUS)
          .refId(String.fromCharCode('A'.charCodeAt(0) + index))
          .expr(expr)
          .legendFormat(legend),
      ),
    ),
  );
  return panel;
}

interface Line {
  readonly value: number;
  readonly colour: string;
  readonly says: string;
}

function linesOf({ alerts = [], targets = [] }: About): Line[] {
  return [
    ...alerts.map(alertLimit).map((limit) => ({
      value: limit.value,
      colour: COLOURS[limit.severity],
      says:
        limit.is === 'equal'
          ? `At ${limit.value} the alert ${limit.alert} fires.`
          : `The ${COLOURS[limit.severity]} line is the alert ${limit.alert}: it fires ${limit.is} it.`,
    })),
    ...targets.map(({ value, colour, is }) => ({
      value,
      colour,
      says: `The ${colour} line is the scaling guide's target: ${is} it.`,
    })),
  ].toSorted((a, b) => a.value - b.value);
}

const steps = (base: string, lines: readonly Pick<Line, 'value' | 'colour'>[]) =>
  new ThresholdsConfigBuilder()
    .mode(ThresholdsMode.Absolute)
    .steps([
      { value: null, color: base },
      ...lines.map(({ value, colour }): Threshold => ({ value, color: colour })),
    ]);

/** A limit from above makes what lies beyond it coloured, one from below what lies before it. */
function colours({ alerts = [], targets = [] }: About) {
  const limits: Pick<AlertLimit, 'is' | 'value' | 'severity'>[] = [
    ...alerts.map(alertLimit),
    ...targets.map(({ value, is }) => ({
      value,
      is: is === 'below' ? ('above' as const) : ('below' as const),
      severity: 'warning' as const,
    })),
  ];
  const floor = limits.find(({ is }) => is === 'below');
  if (floor !== undefined) return steps(COLOURS[floor.severity], [{ value: floor.value, colour: FINE }]);
  const ceilings = limits
    .filter(({ is }) => is === 'above')
    .toSorted((a, b) => a.value - b.value)
    .map(({ value, severity }) => ({ value, colour: COLOURS[severity] }));
  return steps(FINE, ceilings);
}

/** A value at which an alert fires is coloured as the alert, and may have a word. */
function mappingsOf({ alerts = [], words = {} }: Stat): ValueMapping[] {
  const coloured = alerts.map(alertLimit).filter(({ is }) => is === 'equal');
  const options = Object.fromEntries([
    ...Object.entries(words).map(([value, text], index) => [value, { text, index }]),
    ...coloured.map(({ value, severity }) => [
      value,
      { text: words[value] ?? String(value), color: COLOURS[severity], index: 100 },
    ]),
  ]);
  return Object.keys(options).length === 0 ? [] : [{ type: MappingType.ValueToText, options }];
}

function linksOf({ alerts = [], runbooksOf = [], more }: About): Builder<DashboardLink>[] {
  const runbooks = [
    ...new Map([...alerts, ...runbooksOf].map(alertRule).map((rule) => [rule.name, rule])).values(),
  ].map(({ name, runbook }) =>
    // A page of its own: inside Grafana it would be taken for a page of Grafana's.
    link(`Runbook: ${name}`, `/public/runbooks/${runbook}`).targetBlank(true),
  );
  return more === undefined ? runbooks : [link('More of it', `/d/${more}?\${__url_time_range}`), ...runbooks];
}

const link = (title: string, url: string) =>
  new DashboardLinkBuilder(title).type(DashboardLinkType.Link).url(url);
