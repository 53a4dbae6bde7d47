import { beforeAll, describe, expect, test } from 'vitest';
import { call, clientOf, eventually, scrapeTargets, signIn } from './client.ts';
import { containersOf, ports, project, shell, shellOrThrow, startStack, urls } from './stack.ts';

beforeAll(startStack);

const states = async () => {
  const { stdout } = await shellOrThrow('docker compose ps --all --format json');
  const rows: { ID: string; Service: string; State: string; Health: string; ExitCode: number }[] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return rows;
};

test('every service runs and is healthy, and migrate ended with 0', async () => {
  const rows = await states();
  const wrong = rows.filter(({ Service, State, Health, ExitCode }) =>
    Service === 'migrate'
      ? State !== 'exited' || ExitCode !== 0
      : State !== 'running' || !['', 'healthy'].includes(Health),
  );
  expect(wrong).toEqual([]);
  expect(rows.length).toBeGreaterThanOrEqual(20);
});

test('a second `make up` recreates nothing and says where things are', async () => {
  const idsBefore = (await states()).map(({ ID }) => ID).toSorted();
  const result = await shell('make up');
  expect(result.exitCode, result.output).toBe(0);
  expect((await states()).map(({ ID }) => ID).toSorted()).toEqual(idsBefore);
  expect(result.output).toContain(`:${ports.http}`);
  expect(result.output).toContain('admin_password');
  console.info(`second make up: ${result.seconds.toFixed(1)} s (goal: ≤ 30 s)`);
});

test('`make up` brings back what has stopped, and waits for what was unhealthy without it', async () => {
  const [queue] = await containersOf('redis-queue');
  await shellOrThrow(`docker stop --time 10 ${queue}`);
  await eventually(
    states,
    (rows) =>
      rows.filter(({ Service, Health }) => Service === 'worker' && Health === 'unhealthy').length === 2,
    { seconds: 60, what: 'two unhealthy workers' },
  );
  await shellOrThrow('make up');
  expect(await states()).toContainEqual(
    expect.objectContaining({ Service: 'redis-queue', Health: 'healthy' }),
  );
  expect((await states()).filter(({ Health }) => !['', 'healthy'].includes(Health))).toEqual([]);
});

test('`make down` and `make up` lose no data, and the ids of the rows are the same', async () => {
  const ids = async () => {
    const found: string[] = [];
    for await (const { id } of clientOf({ token: await signIn() }).paginate('/api/v1/users')) found.push(id);
    return found;
  };
  const before = await ids();
  expect(before.length).toBeGreaterThan(0);
  await shellOrThrow('make down');
  await shellOrThrow('make up');
  expect(await ids()).toEqual(before);
});

test('Prometheus finds every instance of every service, and every target is up', async () => {
  const of = (found: { job: string }[], job: string) => found.filter((target) => target.job === job).length;
  const targets = await eventually(
    () => scrapeTargets(),
    (found) =>
      found.every(({ health }) => health === 'up') && of(found, 'app') === 2 && of(found, 'worker') === 2,
    { seconds: 60, what: 'all targets up' },
  );
  expect([...new Set(targets.map(({ job }) => job))]).toEqual(
    expect.arrayContaining([
      'app',
      'worker',
      'ready-dns',
      'postgres',
      'pgbouncer',
      'redis',
      'nginx',
      'nginx-log',
      'node',
      'prometheus',
    ]),
  );
});

describe('from outside', () => {
  test('/metrics is not there', async () => {
    for (const path of ['/metrics', '/metrics/', '/%6detrics', '//metrics']) {
      const answer = await call('GET', path);
      expect(answer.status, path).toBe(404);
      expect(answer.body).toMatchObject({ success: false, error: { code: 'NOT_FOUND' } });
    }
  });

  test('only the documented ports are published, and only on loopback', async () => {
    const { stdout } = await shellOrThrow(
      `docker ps --filter label=com.docker.compose.project=${project} --format '{{.Ports}}'`,
    );
    const published = [...stdout.matchAll(/(\S+):(\d+)->/g)].map(([, address, port]) => `${address}:${port}`);
    const expected = [ports.http, ports.prometheus, ports.alertmanager, ports.maildev].map(
      (port) => `127.0.0.1:${port}`,
    );
    expect(published.toSorted()).toEqual(expected.toSorted());
  });

  test('a request id goes through and comes back', async () => {
    const id = 'e2e-0123456789abcdef';
    const answer = await call('GET', '/api/v1/users', { headers: { 'x-request-id': id } });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('x-request-id')).toBe(id);
    expect(answer.body.meta.requestId).toBe(id);
  });

  test('the health routes answer in the contract’s form', async () => {
    const ready = await call('GET', '/health/ready');
    expect(ready.status).toBe(200);
    expect(ready.body).toMatchObject({ ready: true, timestamp: expect.any(String) });
    expect(ready.body.services).toContainEqual({ name: 'database', ready: true });
    expect((await call('GET', '/health/live')).body).toMatchObject({ alive: true });
    expect((await call('GET', '/health/startup')).status).toBe(200);
  });

  test('the API describes itself and has a page to read it', async () => {
    const document = await call('GET', '/api/v1/openapi.json');
    expect(document.body.openapi).toMatch(/^3\.1/);
    expect(Object.keys(document.body.paths)).toContain('/api/v1/users');
    const page = await fetch(`${urls.http}/api/v1/docs/`);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('swagger-ui');
  });
});

/** Mebibytes by container name. */
async function memoryOfContainers(): Promise<Map<string, number>> {
  const { stdout } = await shellOrThrow(
    `docker stats --no-stream --format '{{.Name}} {{.MemUsage}}' $(docker compose ps --quiet --status running)`,
  );
  const mebibytes: Record<string, number> = { B: 1 / 1024 ** 2, KiB: 1 / 1024, MiB: 1, GiB: 1024 };
  return new Map(
    stdout
      .trim()
      .split('\n')
      .map((line) => {
        const [, name = '', used, unit = ''] = /^(\S+) ([\d.]+)(\w+)/.exec(line) ?? [];
        return [name, Number(used) * (mebibytes[unit] ?? Number.NaN)];
      }),
  );
}

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, number) => total + number, 0);

test('the stack at rest uses little memory, and its monitoring a part of it', async () => {
  const used = await memoryOfContainers();
  const whole = sum(used.values());
  const monitoring = sum(
    [...used]
      .filter(([name]) => /prometheus|alertmanager|grafana|exporter/.test(name))
      .map(([, size]) => size),
  );
  console.info(
    `the whole stack at rest: ${whole.toFixed(0)} MiB (goal: ≤ 1536 MiB), of it monitoring ${monitoring.toFixed(0)} MiB (goal: ≤ 500 MB)`,
  );
  expect(whole).toBeLessThanOrEqual(1536);
  expect(monitoring).toBeLessThanOrEqual(500e6 / 1024 ** 2);
});
