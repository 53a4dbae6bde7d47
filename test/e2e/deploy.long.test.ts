/**
 * Another version, and the loss of an instance, under an open load of GETs and of POSTs with a key: not one may fail.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { call } from './client.ts';
import { startAgain, untilHealthy } from './containers.ts';
import { interruptAt } from './interrupt.ts';
import { countsOf, type OpenLoad, startOpenLoad, untilServed } from './load.ts';
import { containersOf, envFile, project, repository, shell, shellOrThrow, startStack } from './stack.ts';

/** What the tests deploy, and the version that they find and leave behind. */
const NEXT = 'e2e-next';
const BROKEN = 'e2e-broken';
let first: string;

beforeAll(async () => {
  await startStack();
  first = await versionOf();
});

afterAll(async () => {
  await shell(
    `docker image rm sv-sdk/platform:${NEXT} sv-sdk/sdk:${NEXT} sv-sdk/platform:${BROKEN} sv-sdk/sdk:${BROKEN}`,
  );
});

const SOME = 60;
const SERVED_LIMIT_SECONDS = 60;
/** Of the issue: an instance that can't serve gets nothing that begins later than this. */
const OUT_LIMIT_MS = 3_000;

const versionOf = async () => (await call('GET', '/health/live')).body.version as string;

async function loadOfTest(): Promise<OpenLoad> {
  const load = await startOpenLoad();
  onTestFinished(async () => void (await load.stop()));
  await untilServed(load, SOME, SERVED_LIMIT_SECONDS);
  return load;
}

/** Prints what the load met, and expects that nothing failed. */
async function expectNoneFailed(load: OpenLoad, what: string): Promise<void> {
  const outcomes = await load.stop();
  console.info(`${what}: ${load.summary()}`);
  expect(countsOf(outcomes.filter(({ isGood }) => !isGood))).toBe('');
  expect(outcomes.length).toBeGreaterThan(SOME);
}

/** Ids of everything that a plain `docker compose up -d` could replace. */
async function idsOfAll(): Promise<string[]> {
  const { stdout } = await shellOrThrow('docker compose ps --all --quiet');
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .toSorted();
}

interface Served {
  readonly addresses: readonly string[];
  readonly beganAtMs: number;
}

/** What nginx passed on to apps, and to which, since a moment. */
async function servedSince(sinceMs: number): Promise<Served[]> {
  const [nginx] = await containersOf('nginx');
  const { stdout } = await shellOrThrow(
    `docker logs --since ${new Date(sinceMs).toISOString()} ${nginx} 2>/dev/null`,
  );
  return stdout.split('\n').flatMap((line) => {
    if (!line.includes('/api/v1/')) return [];
    const { time, durationSeconds, upstreamAddress } = JSON.parse(line);
    return [
      { addresses: upstreamAddress.split(/[, ]+/), beganAtMs: Date.parse(time) - durationSeconds * 1000 },
    ];
  });
}

async function addressOf(container: string): Promise<string> {
  const { stdout } = await shellOrThrow(
    `docker inspect --format '{{(index .NetworkSettings.Networks "${project}_web").IPAddress}}' ${container}`,
  );
  return `${stdout.trim()}:3000`;
}

test('`make deploy` and `make rollback` under load fail no request, and leave nothing for `docker compose up -d` to do', async () => {
  const untouched = await containersOf('nginx postgres postgres-replica pgbouncer redis redis-queue');
  for (const [command, version] of [
    [`make deploy VERSION=${NEXT}`, NEXT],
    ['make rollback', first],
  ] as const) {
    const old = await containersOf('app worker ready-dns');
    const load = await loadOfTest();
    const { output, seconds } = await shellOrThrow(command);
    await untilServed(load, SOME, SERVED_LIMIT_SECONDS);
    await expectNoneFailed(load, `${command} (${seconds.toFixed(0)} s)`);
    console.info(output.replaceAll(/^(?!.*is (ready|gone) after).*\n/gm, ''));
    expect(await versionOf()).toBe(version);
    expect(readFileSync(envFile, 'utf8')).toContain(`\nPLATFORM_VERSION=${version}\n`);
    const current = await containersOf('app worker ready-dns');
    expect(current).toHaveLength(old.length);
    expect(current.filter((id) => old.includes(id))).toEqual([]);
    expect(await containersOf('nginx postgres postgres-replica pgbouncer redis redis-queue')).toEqual(
      untouched,
    );
    const ids = await idsOfAll();
    await shellOrThrow('docker compose up -d');
    expect(await idsOfAll()).toEqual(ids);
  }
  // What was deployed first is the oldest.
  const again = await shell('make rollback');
  expect(again.exitCode).not.toBe(0);
  expect(again.output).toContain(`no version before ${first} is known here`);
});

test('one deploy at a time; killed half-way nothing fails, `make up` and `make scale` refuse, and `make deploy` finishes it', async () => {
  const load = await loadOfTest();
  // The first of the apps is replaced, and two versions serve.
  await interruptAt('deploy', /app-\d+ is gone after/, {
    variables: { VERSION: NEXT },
    meanwhile: async () => {
      for (const command of [`make deploy VERSION=${NEXT}`, 'make rollback', 'make scale APP=3', 'make up']) {
        const { exitCode, output } = await shell(command);
        expect(exitCode, command).not.toBe(0);
        expect(output, command).toContain('Refused: a deploy or a rollback is at work');
      }
    },
  });
  for (const command of ['make scale APP=3', 'make up']) {
    const { exitCode, output } = await shell(command);
    expect(exitCode, command).not.toBe(0);
    expect(output, command).toContain(`a deploy was interrupted (from ${first} to ${NEXT})`);
  }
  const { output } = await shellOrThrow(`make deploy VERSION=${NEXT}`);
  expect(output).toContain('this one goes on from what it left');
  await untilServed(load, SOME, SERVED_LIMIT_SECONDS);
  await expectNoneFailed(load, 'a deploy that is killed, and the one that finishes it');
  expect(await versionOf()).toBe(NEXT);
  expect(await containersOf('app')).toHaveLength(2);
  expect(await containersOf('worker')).toHaveLength(2);
});

test("settings alone, and nginx' configuration, are deployed likewise; `make rollback` leads to the version before", async () => {
  const settings = readFileSync(envFile, 'utf8');
  const template = join(repository, 'infra/nginx/nginx.conf.template');
  const configuration = readFileSync(template, 'utf8');
  const [nginx] = await containersOf('nginx');
  const old = await containersOf('app');
  const workers = await containersOf('worker');
  const load = await loadOfTest();
  try {
    writeFileSync(envFile, `${settings}\nLOGIN_MAX_FAILURES=11\n`);
    writeFileSync(template, `${configuration}\n# ${NEXT}\n`);
    const { output } = await shellOrThrow(`make deploy VERSION=${NEXT}`);
    expect(output).toContain('reloaded, as its configuration has changed');
    const current = await containersOf('app');
    expect(current.filter((id) => old.includes(id))).toEqual([]);
    // It is no setting of theirs.
    expect(await containersOf('worker')).toEqual(workers);
    for (const app of current) {
      const { stdout } = await shellOrThrow(`docker inspect --format '{{json .Config.Env}}' ${app}`);
      expect(stdout).toContain('"LOGIN_MAX_FAILURES=11"');
    }
    expect(await containersOf('nginx')).toEqual([nginx]);
  } finally {
    writeFileSync(template, configuration);
    writeFileSync(envFile, readFileSync(envFile, 'utf8').replace('\nLOGIN_MAX_FAILURES=11\n', ''));
  }
  const { output } = await shellOrThrow('make rollback');
  expect(output).toContain('reloaded, as its configuration has changed');
  await untilServed(load, SOME, SERVED_LIMIT_SECONDS);
  await expectNoneFailed(load, 'a deploy of settings alone, and a rollback');
  expect(await versionOf()).toBe(first);
});

test('a deploy whose workers never become ready goes back: the old version serves on, and nothing failed', async () => {
  const settings = readFileSync(envFile, 'utf8');
  const old = (await containersOf('app worker ready-dns')).toSorted();
  const load = await loadOfTest();
  const { exitCode, output, seconds } = await shell(
    `COMPOSE_FILE=docker-compose.yml:test/e2e/never-ready.compose.yml READY_LIMIT_SECONDS=30 make deploy VERSION=${BROKEN}`,
  );
  expect(exitCode, output).not.toBe(0);
  expect(output).toMatch(/worker-\d+ did not become ready within/);
  expect(output).toContain(`Nothing is deployed. ${first} serves`);
  await untilServed(load, SOME, SERVED_LIMIT_SECONDS);
  await expectNoneFailed(load, `a deploy that fails half-way (${seconds.toFixed(0)} s)`);
  expect(await versionOf()).toBe(first);
  expect((await containersOf('app worker ready-dns')).toSorted()).toEqual(old);
  expect(readFileSync(envFile, 'utf8')).toBe(settings);
});

test.for(['app', 'ready-dns'] as const)('`docker kill` of %s under load fails nothing', async (service) => {
  const [container = ''] = await containersOf(service);
  const load = await loadOfTest();
  await shellOrThrow(`docker kill ${container}`);
  try {
    await untilServed(load, 3 * SOME, SERVED_LIMIT_SECONDS);
  } finally {
    await startAgain(container);
  }
  await untilServed(load, SOME, SERVED_LIMIT_SECONDS);
  await expectNoneFailed(load, `${service} killed`);
});

test('each instance gets its share, within a fifth', async () => {
  const apps = await containersOf('app');
  const load = await loadOfTest();
  const sinceMs = Date.now();
  await untilServed(load, 300, SERVED_LIMIT_SECONDS);
  await expectNoneFailed(load, 'shares');
  const served = await servedSince(sinceMs);
  const counts = await Promise.all(
    apps.map(async (app) => {
      const address = await addressOf(app);
      return served.filter(({ addresses }) => addresses.includes(address)).length;
    }),
  );
  const even = counts.reduce((sum, count) => sum + count, 0) / apps.length;
  console.info(`requests by instance: ${counts.join(', ')}`);
  for (const count of counts) expect(Math.abs(count - even) / even).toBeLessThan(0.2);
});

test('an app whose connections to the database hang gets no request after 3 s, and none fails', async () => {
  const [container = ''] = await containersOf('app');
  const address = await addressOf(container);
  const load = await loadOfTest();
  const hungAtMs = Date.now();
  let backAtMs = Number.POSITIVE_INFINITY;
  await shellOrThrow(`docker network disconnect ${project}_data ${container}`);
  try {
    await untilServed(load, 10 * SOME, SERVED_LIMIT_SECONDS);
  } finally {
    backAtMs = Date.now();
    await shellOrThrow(`docker network connect ${project}_data ${container}`);
    await untilHealthy();
  }
  // nginx' log knows seconds.
  const late = (await servedSince(hungAtMs)).filter(
    ({ addresses, beganAtMs }) =>
      addresses.includes(address) &&
      beganAtMs > hungAtMs + OUT_LIMIT_MS + 1_000 &&
      beganAtMs < backAtMs - 1_000,
  );
  await expectNoneFailed(load, 'an app without its database');
  expect(late).toEqual([]);
});
