/**
 * A stack of the release in this checkout becomes one of a release that the test makes of it: in a copy, as the checkout
 * itself is everybody's.
 */
import { appendFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addMigration } from './migrations.ts';
import { type Copy, copyCheckout, removeImages } from './next-release.ts';
import { startReads, writeSettings } from './own-stack.ts';
import { defineStack } from './stack.ts';

const HOME = 'e2e-upgrade';
const stack = defineStack({
  project: 'sv-e2e-upgrade',
  home: HOME,
  ports: { http: 13200, prometheus: 19290, alertmanager: 19293, grafana: 13201, maildev: 11280 },
});
const NEXT = 'upgrade-next';
let copy: Copy;

beforeAll(async () => {
  await removeAll();
  copy = await copyCheckout(stack, HOME);
  writeSettings(stack, { BALANCER_PREFIX: '10.251.101', APP_INSTANCES: '2', WORKER_INSTANCES: '1' });
  await copy.shellOrThrow('make up');
});

async function removeAll(): Promise<void> {
  await stack.remove();
  await removeImages(stack, `${NEXT}*`);
}
afterAll(removeAll);

/** The next release: a new setting and a new table. */
function makeNextRelease(migration: string): void {
  copy.becomeNextRelease();
  if (!copy.read('.env.example').includes('LOGIN_MAX_FAILURES')) {
    appendFileSync(copy.path('.env.example'), '\n# New in the next release.\nLOGIN_MAX_FAILURES=12\n');
  }
  addMigration(copy.path('packages/db/migrations'), migration);
}

const TABLE = 'CREATE TABLE "email"."of_the_test" ("id" integer PRIMARY KEY);\n';
const FAILS =
  "-- deploy: harmless, of a test\nDO $$ BEGIN RAISE EXCEPTION 'a migration that fails'; END $$;\n";

const addRow = (id: string) =>
  copy.shellOrThrow(
    `docker compose exec -T postgres psql-primary.sh -qAt -c "insert into email.email_suppressions (id, email, reason) values ('${id}', '${id}@example.org', 'manual')"`,
  );
const rows = async () =>
  (
    await copy.shellOrThrow(
      'docker compose exec -T postgres psql-primary.sh -qAt -c "select id from email.email_suppressions order by id"',
    )
  ).stdout.trim();

test('with nothing new it says so, and changes nothing', async () => {
  const before = copy.settings();
  expect(before).toContain(`\nSV_RELEASE=${copy.release}\n`);
  const { output } = await copy.shellOrThrow('make upgrade');
  expect(output).toContain(`is of ${copy.release} already`);
  expect(copy.settings()).toBe(before);
});

test('`make up` with another release refuses, DRY_RUN=1 make upgrade tells, and neither changes anything', async () => {
  const [before, version] = [copy.settings(), await copy.version()];
  makeNextRelease(TABLE);
  const up = await copy.shell('make up');
  expect(up.exitCode).not.toBe(0);
  expect(up.output).toContain('make upgrade');
  const { output } = await copy.shellOrThrow(`make upgrade DRY_RUN=1 VERSION=${NEXT}`);
  expect(output).toContain('LOGIN_MAX_FAILURES');
  expect(output).toContain('DRY_RUN=1: nothing was changed.');
  expect([copy.settings(), await copy.version()]).toEqual([before, version]);
});

test('without a backup it refuses, unless told to go on', async () => {
  const { exitCode, output } = await copy.shell(
    `make upgrade DRY_RUN=1 VERSION=${NEXT} BACKUP_REPOSITORY=off`,
  );
  expect(exitCode).not.toBe(0);
  expect(output).toContain('backups are off');
});

test('a migration that fails leaves version, settings and data as they were', async () => {
  const [before, version] = [copy.settings(), await copy.version()];
  makeNextRelease(FAILS);
  const { exitCode, output } = await copy.shell(`make upgrade VERSION=${NEXT}-broken`);
  expect(exitCode).not.toBe(0);
  expect(output).toContain('Not upgraded');
  expect(output).toMatch(/make rollback DATA=1 POINT=before-99\.0\.0-/);
  expect([copy.settings(), await copy.version()]).toEqual([before, version]);
});

test('an upgrade under load fails no request, and only adds to the settings', async () => {
  const before = copy.settings();
  makeNextRelease(TABLE);
  await addRow('before');
  const reads = startReads(stack);
  const { seconds } = await copy.shellOrThrow(`make upgrade VERSION=${NEXT}`);
  const { sent, failed } = await reads.stop();
  console.info(`make upgrade: ${seconds.toFixed(0)} s, ${sent} requests, ${failed.length} failed`);
  expect(failed).toEqual([]);
  expect(await copy.version()).toBe(NEXT);
  for (const line of before.split('\n').filter((one) => !/^(SV_RELEASE|PLATFORM_VERSION)=/.test(one))) {
    expect(copy.settings().split('\n')).toContain(line);
  }
  expect(copy.settings()).toContain('# New in the next release.\nLOGIN_MAX_FAILURES=12\n');
  expect(copy.settings()).toContain('\nSV_RELEASE=99.0.0\n');
});

test('`make rollback DATA=1` brings back the version, and the data of before', async () => {
  await addRow('since');
  const { output } = await copy.shellOrThrow('make rollback DATA=1 YES=1');
  expect(output).toContain(`of release ${copy.release} again`);
  expect(await copy.version()).not.toBe(NEXT);
  expect(await rows()).toBe('before');
  expect(copy.settings()).toContain(`\nSV_RELEASE=${copy.release}\n`);
});
