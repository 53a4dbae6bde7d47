/**
 * A stack of the release in this checkout becomes one of a release that the test makes of it: in a copy, as the checkout
 * itself is everybody's.
 */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addMigration } from './migrations.ts';
import { writeSettings } from './own-stack.ts';
import { defineStack, repository } from './stack.ts';

const stack = defineStack({
  project: 'sv-e2e-upgrade',
  home: 'e2e-upgrade',
  ports: { http: 13200, prometheus: 19290, alertmanager: 19293, grafana: 13201, maildev: 11280 },
});
const checkout = join(repository, '.build', 'e2e-upgrade', 'checkout');
const MINUTES = { timeoutSeconds: 840 };
const NEXT = 'upgrade-next';
const inCheckout = (command: string) => stack.shell(`cd ${checkout} && ${command}`, MINUTES);
const inCheckoutOrThrow = (command: string) => stack.shellOrThrow(`cd ${checkout} && ${command}`, MINUTES);
const own = (path: string) => join(checkout, path);
const settings = () => readFileSync(stack.envFile, 'utf8');
let release: string;

beforeAll(async () => {
  await removeAll();
  mkdirSync(checkout, { recursive: true });
  await stack.shellOrThrow(
    `tar --exclude=./.git --exclude=./.build --exclude=node_modules --exclude='./.env*' --exclude='./secrets*' -c . | tar -x -C ${checkout}` +
      ` && cp .env.example ${checkout}/ && mkdir -p ${checkout}/.build && cp .build/images.env .build/host-ca.pem .build/npmrc .build/apt-sources.list ${checkout}/.build/`,
  );
  writeSettings(stack, { BALANCER_PREFIX: '10.251.101', APP_INSTANCES: '2', WORKER_INSTANCES: '1' });
  release = JSON.parse(readFileSync(own('package.json'), 'utf8')).version;
  await inCheckoutOrThrow('make up');
});

async function removeAll(): Promise<void> {
  await stack.remove();
  await stack.shell(
    `docker image ls --quiet --filter 'reference=sv-sdk/*:${NEXT}*' | xargs -r docker image rm --force`,
  );
}
afterAll(removeAll);

/** The next release: a new setting and a new table. */
function makeNextRelease(migration: string): void {
  const packageJson = own('package.json');
  writeFileSync(
    packageJson,
    readFileSync(packageJson, 'utf8').replace(`"version": "${release}"`, '"version": "99.0.0"'),
  );
  const releases = own('infra/host/releases.txt');
  writeFileSync(releases, `${readFileSync(releases, 'utf8').replace('99.0.0\n', '')}99.0.0\n`);
  const example = readFileSync(own('.env.example'), 'utf8');
  if (!example.includes('LOGIN_MAX_FAILURES')) {
    appendFileSync(own('.env.example'), '\n# New in the next release.\nLOGIN_MAX_FAILURES=12\n');
  }
  addMigration(own('packages/db/migrations'), migration);
}

const TABLE = 'CREATE TABLE "email"."of_the_test" ("id" integer PRIMARY KEY);\n';
const FAILS =
  "-- deploy: harmless, of a test\nDO $$ BEGIN RAISE EXCEPTION 'a migration that fails'; END $$;\n";

const versionOf = async () =>
  ((await (await fetch(`${stack.urls.http}/health/live`)).json()) as { version: string }).version;

/** Reads, a GET every 50 ms; what was not answered with 200. */
function startReads(): { stop(): Promise<{ sent: number; failed: string[] }> } {
  const failed: string[] = [];
  const inFlight = new Set<Promise<void>>();
  let sent = 0;
  const headers = { 'x-api-key': stack.secret('load_api_key') };
  const ask = async () => {
    try {
      const { status } = await fetch(`${stack.urls.http}/api/v1/users?pageSize=5`, { headers });
      if (status !== 200) failed.push(String(status));
    } catch (error) {
      failed.push(String(error));
    }
  };
  const timer = setInterval(() => {
    sent += 1;
    const one = ask().finally(() => inFlight.delete(one));
    inFlight.add(one);
  }, 50);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(inFlight);
      return { sent, failed };
    },
  };
}

const addRow = (id: string) =>
  inCheckoutOrThrow(
    `docker compose exec -T postgres psql-primary.sh -qAt -c "insert into email.email_suppressions (id, email, reason) values ('${id}', '${id}@example.org', 'manual')"`,
  );
const rows = async () =>
  (
    await inCheckoutOrThrow(
      'docker compose exec -T postgres psql-primary.sh -qAt -c "select id from email.email_suppressions order by id"',
    )
  ).stdout.trim();

test('with nothing new it says so, and changes nothing', async () => {
  const before = settings();
  expect(before).toContain(`\nSV_RELEASE=${release}\n`);
  const { output } = await inCheckoutOrThrow('make upgrade');
  expect(output).toContain(`is of ${release} already`);
  expect(settings()).toBe(before);
});

test('`make up` with another release refuses, DRY_RUN=1 make upgrade tells, and neither changes anything', async () => {
  const [before, version] = [settings(), await versionOf()];
  makeNextRelease(TABLE);
  const up = await inCheckout('make up');
  expect(up.exitCode).not.toBe(0);
  expect(up.output).toContain('make upgrade');
  const { output } = await inCheckoutOrThrow(`make upgrade DRY_RUN=1 VERSION=${NEXT}`);
  expect(output).toContain('LOGIN_MAX_FAILURES');
  expect(output).toContain('DRY_RUN=1: nothing was changed.');
  expect([settings(), await versionOf()]).toEqual([before, version]);
});

test('without a backup it refuses, unless told to go on', async () => {
  const { exitCode, output } = await inCheckout(
    `make upgrade DRY_RUN=1 VERSION=${NEXT} BACKUP_REPOSITORY=off`,
  );
  expect(exitCode).not.toBe(0);
  expect(output).toContain('backups are off');
});

test('a migration that fails leaves version, settings and data as they were', async () => {
  const [before, version] = [settings(), await versionOf()];
  makeNextRelease(FAILS);
  const { exitCode, output } = await inCheckout(`make upgrade VERSION=${NEXT}-broken`);
  expect(exitCode).not.toBe(0);
  expect(output).toContain('Not upgraded');
  expect(output).toMatch(/make rollback DATA=1 POINT=before-99\.0\.0-/);
  expect([settings(), await versionOf()]).toEqual([before, version]);
});

test('an upgrade under load fails no request, and only adds to the settings', async () => {
  const before = settings();
  makeNextRelease(TABLE);
  await addRow('before');
  const reads = startReads();
  const { seconds } = await inCheckoutOrThrow(`make upgrade VERSION=${NEXT}`);
  const { sent, failed } = await reads.stop();
  console.info(`make upgrade: ${seconds.toFixed(0)} s, ${sent} requests, ${failed.length} failed`);
  expect(failed).toEqual([]);
  expect(await versionOf()).toBe(NEXT);
  for (const line of before.split('\n').filter((one) => !/^(SV_RELEASE|PLATFORM_VERSION)=/.test(one))) {
    expect(settings().split('\n')).toContain(line);
  }
  expect(settings()).toContain('# New in the next release.\nLOGIN_MAX_FAILURES=12\n');
  expect(settings()).toContain('\nSV_RELEASE=99.0.0\n');
});

test('`make rollback DATA=1` brings back the version, and the data of before', async () => {
  await addRow('since');
  const { output } = await inCheckoutOrThrow('make rollback DATA=1 YES=1');
  expect(output).toContain(`of release ${release} again`);
  expect(await versionOf()).not.toBe(NEXT);
  expect(await rows()).toBe('before');
  expect(settings()).toContain(`\nSV_RELEASE=${release}\n`);
});
