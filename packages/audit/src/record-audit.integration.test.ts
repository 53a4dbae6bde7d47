import { auditLogs, createDatabase, type Database, users } from '@sv-sdk/db';
import { createTestDatabase, type TestDatabase } from '@sv-sdk/db/testing';
import { createLogger } from '@sv-sdk/telemetry';
import { sql } from 'drizzle-orm';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { recordAudit } from './record-audit.ts';

let database: TestDatabase;
let db: Database;

beforeEach(async () => {
  database = await createTestDatabase();
  db = createDatabase({
    primaryUrl: database.pooledUrl,
    poolMin: 0,
    poolMax: 2,
    logger: createLogger({ service: 'test', version: 'test', level: 'silent' }),
    registry: new Registry(),
  });
});

afterEach(async () => {
  await db.close();
  await database.drop();
});

const created = { eventType: 'user.created', userId: null, ipAddress: '192.0.2.1' } as const;

test('the audit row is there with the change, and masked', async () => {
  await db.withTx(async (tx) => {
    await tx.insert(users).values({ id: 'u1', email: 'anna@example.org', name: 'Anna' });
    await recordAudit(tx, {
      ...created,
      metadata: { email: 'anna@example.org', password: 'hunter2', role: 'user' },
    });
  });
  expect(await db.write().select().from(auditLogs)).toEqual([
    {
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      createdAt: expect.any(Date),
      ...created,
      metadata: { email: 'a***@example.org', password: '[redacted]', role: 'user' },
      piiMasked: true,
      sequence: null,
      hash: null,
    },
  ]);
});

test('a change that is rolled back leaves no audit row', async () => {
  const attempt = db.withTx(async (tx) => {
    await recordAudit(tx, { ...created, metadata: {} });
    throw new Error('changed my mind');
  });
  await expect(attempt).rejects.toThrow('changed my mind');
  expect(await db.write().$count(auditLogs)).toBe(0);
});

test('an audit row that cannot be written takes the change with it', async () => {
  const attempt = db.withTx(async (tx) => {
    await tx.insert(users).values({ email: 'anna@example.org', name: 'Anna' });
    await recordAudit(tx, { ...created, eventType: null as unknown as string });
  });
  await expect(attempt).rejects.toThrow();
  expect(await db.write().$count(users)).toBe(0);
});

test('rows go to the partition of their month, none to the default', async () => {
  await db.withTx((tx) => recordAudit(tx, { ...created }));
  const { rows } = await db.write().execute(sql`
    select tableoid::regclass::text = 'audit.audit_logs_' || to_char(created_at at time zone 'UTC', 'YYYY_MM') as ok
    from ${auditLogs}`);
  expect(rows).toEqual([{ ok: true }]);
});
