import { createLogger } from '@sv-sdk/telemetry';
import { sql } from 'drizzle-orm';
import { Registry } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';
import { createDatabase } from './database.ts';
import { executeNamed } from './named-statement.ts';
import { users } from './schema/index.ts';
import { createTestDatabase } from './testing/index.ts';

test('every statement is timed once under its name, also one that fails and those of a transaction', async () => {
  const database = await createTestDatabase();
  const registry = new Registry();
  const db = createDatabase({
    primaryUrl: database.pooledUrl,
    poolMin: 0,
    poolMax: 2,
    logger: createLogger({ service: 'test', version: 'test', level: 'silent' }),
    registry,
  });
  onTestFinished(async () => {
    await db.close();
    await database.drop();
  });
  await db.write().select().from(users);
  await db.write().select().from(users);
  await executeNamed(db.write(), 'count_users', sql`select count(*) from auth.users`);
  await expect(db.write().execute(sql`select 1 / 0 from auth.roles`)).rejects.toThrow();
  await db.withTx((tx) => tx.insert(users).values({ email: 'ada@example.org', name: 'Ada' }));

  const { values = [] } = (await registry.getSingleMetric('sv_db_statement_duration_seconds')?.get()) ?? {};
  const counts = Object.fromEntries(
    values.flatMap(({ labels, value, ...more }) =>
      'metricName' in more && String(more.metricName).endsWith('_count') && labels['pool'] === 'primary'
        ? [[labels['statement'], value]]
        : [],
    ),
  );
  expect(counts).toMatchObject({
    'select auth.users': 2,
    count_users: 1,
    'select auth.roles': 1,
    'insert auth.users': 1,
    begin: 1,
    commit: 1,
  });
});
