import type { BenchRecord } from './record.ts';
import { MIN_ROUNDS, mediansOf, type Result } from './statistics.ts';
import { goalTable, guideTable, resultTables, table } from './tables.ts';

export interface ReportInput extends BenchRecord {
  readonly results: readonly Result[];
  readonly plots: readonly { readonly title: string; readonly path: string }[];
}

export function renderReport(input: ReportInput): string {
  const { results, plots, machine, isQuick, measurements } = input;
  const failures = measurements.flatMap(({ failure }) => failure ?? []);
  const medians = mediansOf(results);
  const few = results.filter(({ rounds }) => rounds < MIN_ROUNDS);
  return `${[
    '# Benchmark',
    `Made by \`make ${isQuick ? 'bench-quick' : 'bench'}\`; not to be edited. Load generator and platform share the machine, so absolute figures are lower than with a second one. Compare ratios, and only within one run.`,
    ...(isQuick ? ['**A quick run: short rounds, and the long measurements are left out.**'] : []),
    ...(failures.length > 0 ? [`**Not measured:** ${failures.join('; ')}.`] : []),
    "## The scaling guide's table",
    guideTable(medians),
    '## Goals',
    goalTable(medians),
    '## What it ran on',
    table(
      ['', ''],
      [...machine.rows, ['the same arithmetic, again and again, nothing else running', machine.steadiness]],
    ),
    '## How',
    'Each measurement runs interleaved with its baselines, after a warm-up, another one first in each round. A round with an unexpected answer (status, or the number of rows in the body) is thrown away. Given are the median of the rounds and their range.',
    table(
      ['measurement', 'by itself', 'on', 'commit'],
      measurements.map(({ name, command, date, commit }) => [name, `\`${command}\``, date, commit]),
    ),
    ...(few.length > 0
      ? [
          `Fewer than ${MIN_ROUNDS} rounds: ${few.map(({ measure, contender }) => `${measure} (${contender})`).join(', ')}.`,
        ]
      : []),
    '## Measurements',
    'The unflattering one is "nothing but the way through": without a database to wait for, all that is left is what the platform puts around every request. `platform` is `GET /health/live`.',
    'In "list users" the platform answers out of its cache, as it does whoever asks after the first (ADR 0055), and checks who asks and what they may; the baselines ask Postgres each time, and check nobody. `platform, page 2` is what the platform does where no cache has it.',
    'What "the same arithmetic" takes longer at p99 than at p50, above, the machine itself takes longer now and then: with a request of a hundred such pieces, on two busy cores, that is the p99 of whoever is asked. `half the knee\'s rate` has bare servers under the same load beside the platform.',
    resultTables(results),
    ...(plots.length > 0 ? ['## Plots', ...plots.map(({ title, path }) => `![${title}](${path})`)] : []),
  ].join('\n\n')}\n`;
}
