import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GenericContainer, type StartedTestContainer } from 'testcontainers';
import { expect, inject, onTestFinished, test } from 'vitest';
import { startTestSdk, type TestSdk } from '../testing/sdk.ts';

const IMAGE = `sv-sdk/sdk:${process.env['SV_VERSION'] || 'dev'}`;

/** The stack's own image, as pg_dump of the server's version is only there. */
async function startImage(sdk: TestSdk): Promise<StartedTestContainer> {
  const { network, postgres } = inject('databaseServers');
  const inside = (url: string, user: string) =>
    `postgres://${user}@${postgres.internalHost}:5432${new URL(url).pathname}`;
  const container = await new GenericContainer(IMAGE)
    .withNetworkMode(network)
    .withEntrypoint(['sleep', '300'])
    .withEnvironment({
      ...sdk.environment,
      DATABASE_DIRECT_URL: inside(sdk.database.directUrl, 'sv_owner'),
      DATABASE_URL: inside(sdk.database.directUrl, 'sv_app'),
      BACKUP_DIR: '/tmp/backups',
    })
    .start();
  onTestFinished(async () => {
    await container.stop();
  });
  return container;
}

const runBackup = (container: StartedTestContainer, env: Record<string, string> = {}) =>
  container.exec(['node', 'dist/cli.js', 'db', 'backup', '--json'], { env });

const filesOf = async (container: StartedTestContainer) =>
  (await container.exec(['ls', '-A', '/tmp/backups'])).output.split('\n').filter((name) => name !== '');

test('a backup can be restored, row by row, and is written into the audit log', async () => {
  const sdk = await startTestSdk();
  await sdk.run(['db', 'seed', '--users', '200', '--audit', '500', '--emails', '100']);
  const container = await startImage(sdk);
  const { exitCode, stdout } = await runBackup(container);
  expect(exitCode, stdout).toBe(0);
  const { file, sha256, sizeBytes } = JSON.parse(stdout);
  expect(
    await sdk.query("select metadata from audit.audit_logs where event_type = 'platform.backed_up'"),
  ).toEqual([{ metadata: { file: file.split('/').at(-1), sizeBytes, sha256, by: 'sdk db backup' } }]);
  const sum = await container.exec(['sha256sum', file]);
  expect(sum.stdout.split(' ')[0]).toBe(sha256);
  // For its owner alone.
  expect((await container.exec(['stat', '-c', '%a', file])).stdout.trim()).toBe('600');

  const digest = async () =>
    (
      await sdk.query(
        `select (select md5(string_agg(u::text, '' order by id)) from auth.users u) as users,
                (select md5(string_agg(a::text, '' order by id)) from audit.audit_logs a
                 where event_type <> 'platform.backed_up') as audit,
                (select md5(string_agg(e::text, '' order by id)) from email.email_sends e) as emails`,
      )
    )[0];
  const before = await digest();
  await sdk.query('drop schema auth, permissions, email, audit, drizzle cascade');
  const restored = await container.exec(
    [
      'pg_restore',
      '--exit-on-error',
      `--dbname=postgres://sv_owner@${inject('databaseServers').postgres.internalHost}:5432/${sdk.database.name}`,
      file,
    ],
    { env: { PGPASSWORD: sdk.environment['DB_OWNER_PASSWORD'] ?? '' } },
  );
  expect(restored.exitCode, restored.output).toBe(0);
  expect(await digest()).toEqual(before);
  // With the app's rights.
  expect((await sdk.json(['auth', 'list'])).answer).toMatchObject({ ok: true, totalCount: 200 });
});

test('a second backup leaves the first alone; a failed one leaves nothing', async () => {
  const sdk = await startTestSdk();
  const container = await startImage(sdk);
  const first = JSON.parse((await runBackup(container)).stdout);
  const failed = await runBackup(container, { DB_OWNER_PASSWORD: 'not the password' });
  expect(failed.exitCode).toBe(1);
  expect(JSON.parse(failed.stdout).error).toContain('password authentication failed');
  expect(failed.output).not.toContain('not the password');
  expect(await filesOf(container)).toEqual([first.file.split('/').at(-1)]);
  const plain = JSON.parse((await runBackup(container, { COMPRESS_BACKUP: 'false' })).stdout);
  expect(plain.sizeBytes).toBeGreaterThan(first.sizeBytes);
  expect(await filesOf(container)).toHaveLength(2);
});

test('where pg_dump is not installed, that is said, and no file is left', async () => {
  const sdk = await startTestSdk();
  const directory = await mkdtemp(join(tmpdir(), 'backup-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const { exitCode, stderr } = await sdk.run(['db', 'backup'], {
    env: { BACKUP_DIR: directory, PATH: directory },
  });
  expect({ exitCode, stderr }).toEqual({
    exitCode: 1,
    stderr: expect.stringContaining('pg_dump is not installed here'),
  });
  expect(await readdir(directory)).toEqual([]);
});
