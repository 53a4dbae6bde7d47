import { chownSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../../test/e2e/stack.ts';
import { PLOTS, type Told } from '../figures.ts';
import type { Machine } from './machine.ts';
import { AXES, drawSvg, linesOf } from './plots.ts';
import { type ReportInput, renderReport } from './render.ts';
import { mediansOf, summarise } from './statistics.ts';
import { goalTable } from './tables.ts';

export interface Measured extends Omit<ReportInput, 'results' | 'plots'> {
  readonly told: readonly Told[];
  readonly machine: Machine;
}

/** Writes bench/REPORT.md, its plots, and every single figure for whoever wants to compute otherwise. */
export async function writeReport({ told, ...input }: Measured): Promise<{ path: string; summary: string }> {
  const folder = join(repository, 'bench', 'report-figures');
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
  write(join(folder, 'figures.json'), `${JSON.stringify(told, undefined, 2)}\n`);
  const results = summarise(told);
  const path = join(repository, 'bench', 'REPORT.md');
  write(path, renderReport({ ...input, results, plots }));
  // In the tests' container we are root, and the checkout is a person's.
  const { uid, gid } = statSync(repository);
  for (const made of written) chownSync(made, uid, gid);
  return { path: 'bench/REPORT.md', summary: goalTable(mediansOf(results)) };
}
