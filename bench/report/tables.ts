/** The report's tables, in Markdown. */
import type { Unit } from '../figures.ts';
import { GOALS, type Goal, verdictOf } from './goals.ts';
import type { Medians, Result } from './statistics.ts';

/** Three digits that count, and no more: 1,432; 12.3; 0.0314. */
export function figure(value: number): string {
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Every contender of every measure: medians, and from the worst to the best round. */
export function resultTables(results: readonly Result[]): string {
  const measures = Map.groupBy(results, ({ measure }) => measure);
  return [...measures]
    .map(([measure, contenders]) => {
      const rows = contenders.map(({ contender, unit, median, min, max, rounds, discarded }) => [
        contender,
        unit,
        figure(median),
        `${figure(min)} to ${figure(max)}`,
        `${rounds}${discarded > 0 ? `, ${discarded} thrown away` : ''}`,
      ]);
      return `### ${measure}\n\n${table(['', 'unit', 'median', 'range', 'rounds'], rows)}`;
    })
    .join('\n\n');
}

/** The guide's own table, with its Measured column. */
export function guideTable(medians: Medians): string {
  const rows = GOALS.flatMap((goal) =>
    goal.guide === undefined
      ? []
      : [[goal.guide.row, goal.guide.target, measuredText(goal, goal.measured(medians))]],
  );
  return table(['Metric', 'Target', 'Measured'], rows);
}

export function goalTable(medians: Medians): string {
  const rows = GOALS.map((goal) => {
    const measured = goal.measured(medians);
    const verdict = verdictOf(goal, measured);
    return [
      goal.name,
      boundText(goal),
      measuredText(goal, measured),
      verdict === 'not measured' ? '' : verdict,
    ];
  });
  return table(['measure', 'goal', 'measured', ''], rows);
}

const boundText = ({ atLeast, atMost, unit }: Goal) =>
  atLeast === undefined ? `≤ ${withUnit(atMost ?? Number.NaN, unit)}` : `≥ ${withUnit(atLeast, unit)}`;

const measuredText = ({ unit }: Goal, measured: number | undefined) =>
  measured === undefined ? 'not measured' : withUnit(measured, unit);

function withUnit(value: number, unit: Unit): string {
  return unit === 'per second' ? `${figure(value)}/s` : `${figure(value)} ${unit}`;
}
