import { readdirSync, readFileSync } from 'node:fs';
import { generateDrizzleJson, generateMigration } from 'drizzle-kit/api';
import { expect, test } from 'vitest';
import * as schema from './schema/index.ts';

const migrations = new URL('../migrations/', import.meta.url);

test('the migrations cover the schema: drizzle-kit would generate nothing new', async () => {
  const snapshots = readdirSync(new URL('meta/', migrations)).filter((name) =>
    name.endsWith('_snapshot.json'),
  );
  const latest = JSON.parse(readFileSync(new URL(`meta/${snapshots.toSorted().at(-1)}`, migrations), 'utf8'));
  const now = generateDrizzleJson(schema, latest.id, undefined, latest.casing);
  expect(await generateMigration(latest, now)).toEqual([]);
});

test('the journal and the files name the same migrations', () => {
  const journal = JSON.parse(readFileSync(new URL('meta/_journal.json', migrations), 'utf8'));
  const files = readdirSync(migrations).filter((name) => name.endsWith('.sql'));
  expect(journal.entries.map(({ tag }: { tag: string }) => `${tag}.sql`)).toEqual(files.toSorted());
});
