import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Journal {
  readonly entries: { idx: number; version: string; when: number; tag: string; breakpoints: boolean }[];
}

const SUFFIX = '_of_the_test';

/** Gives a folder of migrations a last one, in place of the one that an earlier call has added. */
export function addMigration(folder: string, statements: string): void {
  const journal = join(folder, 'meta', '_journal.json');
  const { entries, ...rest } = JSON.parse(readFileSync(journal, 'utf8')) as Journal;
  const known = entries.filter(({ tag }) => !tag.endsWith(SUFFIX));
  const last = known.at(-1);
  if (last === undefined) throw new Error('there is no migration');
  const tag = `${String(last.idx + 1).padStart(4, '0')}${SUFFIX}`;
  const added = { ...last, idx: last.idx + 1, when: last.when + 1, tag };
  writeFileSync(journal, JSON.stringify({ ...rest, entries: [...known, added] }));
  writeFileSync(join(folder, `${tag}.sql`), statements);
}
