/** What a deploy asks about the migrations of a new version, by the container that it asks. */
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { addMigration } from './migrations.ts';
import { repository, shell, startStack } from './stack.ts';

beforeAll(startStack);

/** `sdk db check` of a version that has one migration more. */
async function check(statements: string): Promise<{ exitCode: number; output: string }> {
  const folder = join(repository, '.build', 'e2e', 'migrations');
  mkdirSync(folder, { recursive: true });
  cpSync('packages/db/migrations', folder, { recursive: true });
  addMigration(folder, statements);
  return await shell(
    `docker compose --progress quiet run --rm --no-deps -T --volume ${folder}:/app/packages/db/migrations:ro sdk db check`,
  );
}

// The memory of its container is the point: Postgres' parser is in it, as WebAssembly.
test('a migration with which the running version can live passes', async () => {
  const { exitCode, output } = await check(
    'CREATE TABLE "email"."of_the_test" ("id" integer PRIMARY KEY);\n',
  );
  expect(output).toContain('_of_the_test.sql');
  expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
});

test('one with which it can not is refused, with the statement and what to write instead', async () => {
  const { exitCode, output } = await check('ALTER TABLE "auth"."users" DROP COLUMN "name";\n');
  expect({ exitCode, output }).toMatchObject({ exitCode: 1 });
  expect(output).toContain('DROP COLUMN "name"');
  expect(output).toContain('Instead: ');
});
