import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ConnectionsError, planConnections, planLines, refuseExcess, tellPlan } from './connections.ts';

beforeEach(() => {
  vi.stubEnv('DATABASE_URL', 'postgres://sv_app@pgbouncer:6432/sv');
  vi.stubEnv('DATABASE_REPLICA_URL', 'postgres://sv_app@pgbouncer:6432/sv_ro');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const choose = (settings: Record<string, string>) => {
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
};
const refusal = (liveMaxConnections?: number) => {
  try {
    refuseExcess(planConnections(), liveMaxConnections);
  } catch (error) {
    if (error instanceof ConnectionsError) return error.message;
    throw error;
  }
  return undefined;
};

test('what a person has chosen is planned with; a blank is not chosen', () => {
  choose({ PGBOUNCER_POOL_SIZE: '30', DB_POOL_MAX: '', POSTGRES_MAX_CONNECTIONS: ' ' });
  expect(planLines(planConnections().plan).split('\n')).toEqual([
    'PLANNED_DB_POOL_MAX=30',
    'PLANNED_PGBOUNCER_MAX_CLIENT_CONN=2000',
    'PLANNED_PGBOUNCER_POOL_SIZE=30',
    'PLANNED_POSTGRES_MAX_CONNECTIONS=100',
  ]);
});

test('what `make up` has planned is planned again, and a choice goes before it', () => {
  choose({ PLANNED_PGBOUNCER_POOL_SIZE: '8', PLANNED_DB_POOL_MAX: '12' });
  expect(planConnections().plan).toMatchObject({ poolSize: 8, dbPoolMax: 12 });
  choose({ PGBOUNCER_POOL_SIZE: '9' });
  expect(planConnections().plan.poolSize).toBe(9);
});

test('a machine that nobody has tuned has a plan that fits, told with every number', () => {
  expect(refusal()).toBeUndefined();
  const text = tellPlan(planConnections());
  expect(text).toMatch(/PGBOUNCER_POOL_SIZE +\d+ +of each pool: \([\d.]+ cores × 2\) \+ 1 disk/);
  expect(text).toMatch(/together +\d+/);
});

test('a plan that does not fit is refused with who needs how many, and what to change', () => {
  choose({ PGBOUNCER_POOL_SIZE: '60', POSTGRES_MAX_CONNECTIONS: '100' });
  const message = refusal();
  expect(message).toContain('Postgres allows 100, and all together may need 140');
  expect(message).toMatch(/PgBouncer's pool sv +60 +PGBOUNCER_POOL_SIZE/);
  expect(message).toMatch(/together +140/);
  expect(message).toContain('Lower PGBOUNCER_POOL_SIZE, or raise POSTGRES_MAX_CONNECTIONS to 140 or more');
});

test('too many clients for PgBouncer are refused as well', () => {
  choose({ APP_INSTANCES: '50', PGBOUNCER_MAX_CLIENT_CONN: '1000' });
  expect(refusal()).toMatch(
    /PgBouncer allows 1000, and all together may need 1080[\s\S]*50 apps of up to 21/,
  );
});

test('processes that go straight to a server elsewhere are held against what that server says', () => {
  choose({ DATABASE_URL: 'postgres://sv_app@db.example.org:5432/sv', APP_INSTANCES: '10' });
  expect(refusal()).toBeUndefined();
  expect(refusal(1000)).toBeUndefined();
  expect(refusal(100)).toMatch(
    /Postgres allows 100, and all together may need 138[\s\S]*10 apps of up to 10/,
  );
});
