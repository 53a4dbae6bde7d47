import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../../test/e2e/stack.ts';
import { PLOTS } from '../figures.ts';
import { AXES, drawSvg, linesOf } from './plots.ts';
import type { BenchRecord } from './record.ts';
import { renderReport } from './render.ts';
import { mediansOf, summarise } from './statistics.ts';
import { goalTable } from './tables.ts';

const folder = join(repository, 'bench', 'report-figures');
const recordPath = join(folder, 'figures.json');

/** What the report there is was made of; undefined without one. */
export function readRecord(): BenchRecord | undefined {
  return existsSync(recordPath) ? (JSON.parse(readFileSync(recordPath, 'utf8')) as BenchRecord) : undefined;
}

/** Writes bench/REPORT.md, its plots, and every single figure for whoever wants to compute otherwise. */
export async function writeReport(record: BenchRecord): Promise<{ path: string; summary: string }> {
  const told = record.measurements.flatMap((one) => one.told);
  // A plot of a run before would stand beside figures of this one.
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const written = [folder];
  const write = (path: string, text: string) => {
    writeFileSync(path, text);
    written.push(path);
  };
  const plots = PLOTS.flatMap((plot) => {
    const lines = linesOf(told, plot);
    if (lines.length === 0) return [];
    write(join(folder, `${plot}.svg`), drawSvg(plot, lines));
    return [{ title: AXES[plot].title, path: `report-figures/${plot}.svg` }];
  });
  write(recordPath, `${JSON.stringify(record, undefined, 2)}\n`);
  const results = summarise(told);
  const path = join(repository, 'bench', 'REPORT.md');
  write(path, renderReport({ ...record, results, plots }));
  // In the tests' container we are root, and the checkout is a person's.
  const { uid, gid } = statSync(repository);
  for (const made of written) chownSync(made, uid, gid);
  return { path: 'bench/REPORT.md', summary: goalTable(mediansOf(results)) };
}
