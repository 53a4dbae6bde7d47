import { beforeAll, expect, test } from 'vitest';
import { project, shell, shellOrThrow, sql, startStack } from './stack.ts';

beforeAll(startStack);

/**
 * Services and ids of all containers that run, or have run to their end; not of `migrate`, which is at work in each `up`,
 * and is told how many apps there are.
 */
async function containers(): Promise<string[]> {
  const { stdout } = await shellOrThrow(
    `docker ps --all --no-trunc --filter label=com.docker.compose.project=${project}` +
      ` --format '{{.Label "com.docker.compose.service"}} {{.ID}}'`,
  );
  return stdout
    .split('\n')
    .filter((line) => !line.startsWith('migrate '))
    .toSorted();
}

interface Plan {
  readonly poolSize: number;
  readonly maxConnections: number;
  readonly postgres: { readonly total: number };
}

const plan = async (): Promise<Plan> =>
  JSON.parse((await shellOrThrow('make -s sdk ARGS="config plan --json"')).stdout) as Plan;

test('the sizes that were computed are those that run, and all of them together fit', async () => {
  const { poolSize, maxConnections, postgres } = await plan();
  const { stdout } = await shellOrThrow(
    `docker compose exec -T postgres sh -c 'PGPASSWORD=$(cat /run/secrets/db_monitor_password) psql -h pgbouncer -p 6432 -U sv_monitor -d pgbouncer -XAt -c "show databases"'`,
  );
  // name, host, port, database, force_user, pool_size
  const pools = stdout
    .split('\n')
    .map((line) => line.split('|'))
    .filter(([name]) => name === 'sv' || name === 'sv_ro')
    .map((columns) => Number(columns[5]));
  expect(pools).toEqual([poolSize, poolSize]);
  for (const service of ['postgres', 'postgres-replica'] as const) {
    expect(await sql(service, 'show max_connections')).toEqual([String(maxConnections)]);
  }
  expect(postgres.total).toBeGreaterThan(2 * poolSize);
  expect(postgres.total).toBeLessThanOrEqual(maxConnections);
});

test('plain `docker compose up -d` means the same sizes, and recreates nothing', async () => {
  const before = await containers();
  await shellOrThrow('docker compose up -d --no-build');
  expect(await containers()).toEqual(before);
});

test('`make up` refuses sizes that do not fit, with the numbers, and changes nothing', async () => {
  const before = await containers();
  const result = await shell('PGBOUNCER_POOL_SIZE=60 POSTGRES_MAX_CONNECTIONS=100 make up');
  expect(result.exitCode).not.toBe(0);
  expect(result.output).toContain('Postgres allows 100, and all together may need 140');
  expect(result.output).toMatch(/pool sv +60 +PGBOUNCER_POOL_SIZE/);
  expect(result.output).toContain('raise POSTGRES_MAX_CONNECTIONS to 140');
  expect(await containers()).toEqual(before);
  expect((await plan()).poolSize).toBeLessThan(60);
});
