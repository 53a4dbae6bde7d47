/** A dashboard: rows of panels, what can be chosen on it, and what all of them have. */
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { annotations } from './annotations.ts';
import { PROMETHEUS, type Uid } from './names.ts';

export interface Page {
  readonly uid: Uid;
  readonly title: string;
  readonly description: string;
  readonly variables?: readonly Variable[];
  readonly rows: readonly Row[];
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Builder<Panel>[];
}

/** What a person may narrow the dashboard down to: the values that a label has. */
export interface Variable {
  readonly name: string;
  readonly label: string;
  /** `label_values(series, label)`. */
  readonly values: string;
}

/** The dashboards' links to each other go by it. */
const TAG = 'sv-sdk';

export function buildPage({ uid, title, description, variables = [], rows }: Page): Dashboard {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([TAG])
    .readonly()
    .timezone('browser')
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    // A point in time in one panel is the same in all.
    .tooltip(DashboardCursorSync.Crosshair)
    .link(
      new DashboardLinkBuilder('Dashboards').type(DashboardLinkType.Dashboards).tags([TAG]).keepTime(true),
    )
    .variables(variables.map(choice))
    .annotations(annotations);
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title));
    for (const panel of row.panels) builder.withPanel(panel);
  }
  const dashboard = builder.build();
  // By their place: links to a single panel go by it.
  const panels = dashboard.panels ?? [];
  for (const [index, panel] of panels.entries()) panel.id = index + 1;
  // Unless it is taken away, the SDK puts every link and mark into a menu, where nobody looks.
  const links = panels.flatMap((panel) => ('links' in panel ? (panel.links ?? []) : []));
  for (const placed of [...(dashboard.links ?? []), ...(dashboard.annotations?.list ?? []), ...links]) {
    delete placed.placement;
  }
  return dashboard;
}

const choice = ({ name, label, values }: Variable) =>
  new QueryVariableBuilder(name)
    .label(label)
    .query({ query: values, refId: name })
    .definition(values)
    .datasource(PROMETHEUS)
    .multi(true)
    .includeAll(true)
    // Also what has come since the page was opened.
    .allValue('.*')
    .current({ text: 'All', value: '$__all', selected: true })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.NaturalAsc);
