/** The autoscaler on the whole stack, with windows of seconds: a burst of emails brings workers, and the quiet after it takes them away. */
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { eventually, query, signIn } from './client.ts';
import { untilHealthy } from './containers.ts';
import { accept, unfinished } from './email.ts';
import { containersOf, shellOrThrow, startStack } from './stack.ts';

beforeAll(startStack);

/** Seconds instead of minutes. The machine that runs this may be busy, which is no ceiling here. */
const SETTINGS = [
  'AUTOSCALE_INTERVAL_SECONDS=5',
  'AUTOSCALE_APP_MIN=2',
  'AUTOSCALE_WORKER_MIN=2',
  'AUTOSCALE_WORKER_MAX=4',
  'AUTOSCALE_WORKER_DEPTH_UP=30',
  'AUTOSCALE_WORKER_DEPTH_DOWN=10',
  'AUTOSCALE_WORKER_WAIT_UP_SECONDS=3600',
  'AUTOSCALE_WORKER_BUSY_MAX_PERCENT=100',
  'AUTOSCALE_WORKER_UP_SECONDS=15',
  'AUTOSCALE_WORKER_DOWN_SECONDS=20',
  'AUTOSCALE_WORKER_UP_STEP=1',
  'AUTOSCALE_WORKER_UP_COOLDOWN_SECONDS=20',
  'AUTOSCALE_WORKER_DOWN_COOLDOWN_SECONDS=20',
  'AUTOSCALE_HOST_CPU_MAX_PERCENT=100',
  'AUTOSCALE_HOST_MEMORY_MAX_PERCENT=98',
].join(' ');
/** The burst lasts 80 s: what it leaves is scraped and looked for every 10 s, and has to last for 15 s. New workers are copies, so they share the rate. */
const SLOW = 'EMAIL_RATE_PER_SECOND_SMTP=5';
const BURST = 400;
const DOMAIN = 'autoscale.invalid';

const workers = () => containersOf('worker');
const autoscaler = async () =>
  (await shellOrThrow('docker compose ps --all --quiet autoscaler')).stdout.trim();
const log = async () => (await shellOrThrow(`docker logs ${await autoscaler()}`)).stdout;

test('a burst of emails brings workers, killing the autoscaler changes nothing, and they leave when it is quiet', async () => {
  const startedMs = Date.now();
  const seconds = () => Math.round((Date.now() - startedMs) / 1000);
  onTestFinished(async () => {
    await shellOrThrow('docker compose rm --stop --force autoscaler');
    await shellOrThrow('docker compose up -d --no-deps --scale worker=2 worker');
    await untilHealthy();
  });
  await shellOrThrow(`${SLOW} docker compose up -d --no-deps --wait --scale worker=2 worker`);
  await shellOrThrow(`${SETTINGS} docker compose up -d --no-deps --wait autoscaler`);
  const first = await workers();
  const token = await signIn();
  await accept(
    Array.from({ length: BURST }, (_, index) => ({ to: `${index}@${DOMAIN}` })),
    token,
    `autoscale-${startedMs}`,
  );
  const acceptedAt = seconds();

  const more = await eventually(workers, (found) => found.length > 2, {
    seconds: 120,
    what: 'more than two workers',
  });
  console.info(`a third worker ${seconds() - acceptedAt} s after ${BURST} emails were accepted`);
  expect(more).toEqual(expect.arrayContaining(first));
  await shellOrThrow(`docker kill ${await autoscaler()}`);
  await shellOrThrow(`docker start ${await autoscaler()}`);
  expect(await log()).toMatch(/"direction":"up","reason":"depth","from":2,"to":3,.*"because":"queue depth/);
  // Compose finds nothing to change in what the autoscaler has made.
  await eventually(
    async () => (await shellOrThrow('docker compose ps worker')).stdout,
    (table) => !table.includes('starting'),
    { seconds: 60, what: 'healthy workers' },
  );
  const before = await workers();
  await shellOrThrow(`${SLOW} docker compose up -d --no-deps --scale worker=${before.length} worker`);
  expect((await workers()).filter((id) => !first.includes(id))).toEqual(
    expect.arrayContaining(before.filter((id) => !first.includes(id))),
  );

  await eventually(
    () => unfinished(DOMAIN),
    (left) => left === 0,
    { seconds: 180, what: 'all sent' },
  );
  const sentAt = seconds();
  await eventually(workers, (found) => found.length === 2, { seconds: 180, what: 'two workers again' });
  console.info(`two workers again ${seconds() - sentAt} s after the last email`);
  // The first two have been there all the time.
  expect((await workers()).toSorted()).toEqual(first.toSorted());
  expect(await log()).toMatch(/"direction":"down","reason":"idle"/);
  const told = await eventually(
    () => query('sv_autoscaler_current{service="worker"} == 2'),
    (found) => found.length === 1,
    { seconds: 60, what: 'the number in Prometheus' },
  );
  expect(told[0]?.value).toBe(2);
  console.info(`autoscaler: 2 to ${before.length} workers and back in ${seconds()} s`);
});

test('the advisor names the rules with their figures, the phase and the command', async () => {
  const advise = async () => {
    const { stdout } = await shellOrThrow(
      'AUTOSCALE_WORKER_MIN=1 AUTOSCALE_WORKER_DOWN_SECONDS=10 AUTOSCALE_WORKER_WAIT_UP_SECONDS=3600 make --silent sdk ARGS="advise --json" || true',
    );
    return JSON.parse(stdout);
  };
  // The workers are new, and Prometheus looks for them every 10 s.
  const answer = await eventually(advise, ({ phase }) => phase.workers === 2, {
    seconds: 90,
    what: 'two workers that are scraped',
  });
  expect(answer.phase).toMatchObject({ byUsers: 1, byInstances: 1, apps: 2, workers: 2, replicas: 1 });
  const states = new Map(
    answer.triggers.map((one: { name: string; state: string }) => [one.name, one.state]),
  );
  // A quiet stack: these have figures, and nothing about them fires.
  for (const name of ['cpuUp', 'responseUp', 'depthUp', 'waitUp', 'queueDepth', 'connections', 'poolClients'])
    expect([name, states.get(name)]).toEqual([name, 'fine']);
  expect(states.get('depthDown')).toBe('idle');
  expect(answer.advice).toContainEqual({
    because: 'There is little to do for 2 of worker; one fewer will do:',
    command: 'make scale WORKER=1',
  });
});
