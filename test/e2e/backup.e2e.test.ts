import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { clientOf, eventually, query, signIn } from './client.ts';
import { untilHealthy } from './containers.ts';
import { containersOf, project, shell, shellOrThrow, sql, startStack } from './stack.ts';

beforeAll(startStack);

const MINUTES = { timeoutSeconds: 420 };

const suppress = (id: string) =>
  sql(
    'postgres',
    `insert into email.email_suppressions (id, email, reason) values ('${id}', '${id}@example.org', 'manual')`,
  );
const suppressed = (ids: string[]) =>
  sql(
    'postgres',
    `select id from email.email_suppressions where id in (${ids.map((id) => `'${id}'`).join(', ')})`,
  );
const [labelOfStack, labelOfDrill] = ['project', 'service'].map((name) => `label=com.docker.compose.${name}`);
const scratchContainers = async () =>
  (
    await shellOrThrow(
      `docker ps --all --quiet --filter ${labelOfStack}=${project} --filter ${labelOfDrill}=restore-drill`,
    )
  ).stdout.trim();
const volumes = async () => (await shellOrThrow('docker volume ls --quiet | sort')).stdout;

test('a backup can be made by hand; its age and size reach Prometheus and `sdk db status`', async () => {
  const before = Date.now() / 1000;
  await shellOrThrow('make backup TYPE=full', MINUTES);
  const [completed] = await eventually(
    () => query('max(sv_backup_last_completed_timestamp_seconds{type="full"})'),
    ([latest]) => (latest?.value ?? 0) > before - 5,
    { seconds: 60, what: 'the new backup in Prometheus' },
  );
  expect(completed).toBeDefined();
  const [size] = await query('sv_backup_last_size_bytes{type="full"}');
  expect(size?.value).toBeGreaterThan(1_000_000);
  const { stdout } = await shellOrThrow('make sdk ARGS="db status --json"');
  const status = JSON.parse(stdout.split('\n').find((line) => line.startsWith('{')) ?? '');
  expect(status).toMatchObject({ ok: true, backups: { failure: null, repository: 'volume' } });
  expect(status.backups.backups.at(-1)).toMatchObject({ type: 'full', hasPageErrors: false });
  const refused = await shell('make backup TYPE=monthly');
  expect(refused.output).toContain('TYPE=monthly: full, diff or incr is expected.');
});

describe('a rehearsal', () => {
  const startOfServer = () =>
    sql('postgres', 'select pg_postmaster_start_time(), timeline_id from pg_control_checkpoint()');

  test('proves that the backups restore, without touching the stack, and leaves nothing behind', async () => {
    const before = { server: await startOfServer(), volumes: await volumes() };
    const { output } = await shellOrThrow('make restore-drill', MINUTES);
    expect(output).toMatch(/\d+ tables with \d+ rows are the same/);
    expect(output).toContain('all page checksums hold');
    expect({ server: await startOfServer(), volumes: await volumes() }).toEqual(before);
    expect(await scratchContainers()).toBe('');
    await eventually(
      () => query('time() - sv_restore_drill_last_success_timestamp_seconds < 600'),
      (answer) => answer.length === 1,
      { seconds: 60, what: 'the rehearsal in Prometheus' },
    );
  });

  test('fails on what does not come back, and names it', async () => {
    // No backup has the rows of an unlogged table: the primary does, the restored copy doesn't.
    await sql('postgres', 'create unlogged table public.not_in_the_wal as select 1 as one');
    try {
      const { exitCode, output } = await shell('make restore-drill', MINUTES);
      expect(exitCode, output).not.toBe(0);
      expect(output).toMatch(/< not_in_the_wal 1 -?\d+\n/);
      expect(output).toContain('> not_in_the_wal 0 0');
    } finally {
      await sql('postgres', 'drop table public.not_in_the_wal');
    }
    expect(await scratchContainers()).toBe('');
    await eventually(
      () => query('sv_restore_drill_last_failed'),
      ([answer]) => answer?.value === 1,
      { seconds: 60, what: 'the failure in Prometheus' },
    );
  });
});

test('the destroyed database comes back as it was at a moment between two writes', async () => {
  const [first, second] = [`first-${randomUUID()}`, `second-${randomUUID()}`];
  const oldToken = await signIn();
  await suppress(first);
  const [between = ''] = await sql('postgres', 'select clock_timestamp()');
  await suppress(second);
  const [segment] = await sql('postgres', 'select pg_walfile_name(pg_switch_wal())');
  await eventually(
    () => sql('postgres', `select last_archived_wal >= '${segment}' from pg_stat_archiver`),
    ([isThere]) => isThere === 't',
    { seconds: 60, what: 'the WAL in the archive' },
  );

  const refused = await shell('make restore TO="2001-01-01 00:00:00" YES=1', MINUTES);
  expect(refused.exitCode).not.toBe(0);
  expect(refused.output).toContain('what can be restored lies between');
  expect((await shell(`make restore TO="${between}" </dev/null`, MINUTES)).output).toContain(
    'YES=1 make restore',
  );
  expect(await suppressed([second])).toEqual([second]);

  // The data is gone for good, not only stopped.
  await shellOrThrow('docker compose stop postgres', MINUTES);
  await shellOrThrow(
    'docker compose run --rm --no-deps -T --entrypoint sh postgres -c \'rm -rf "$PGDATA" && ! ls "$PGDATA"\'',
  );
  const { output } = await shellOrThrow(`make restore TO="${between}" YES=1`, MINUTES);
  expect(output).toContain('The email queue is paused.');
  await untilHealthy();
  expect(await suppressed([first, second])).toEqual([first]);
  // Who was signed in has to do so again; a revoked session must not come back.
  const withOldToken = clientOf({ token: oldToken }).get('/api/v1/users', {});
  await expect(withOldToken).rejects.toMatchObject({ status: 401 });
  const admin = clientOf({ token: await signIn() });
  await eventually(
    () => sql('postgres', "select state from pg_stat_replication where application_name = 'replica_1'"),
    ([state]) => state === 'streaming',
    { seconds: 60, what: 'the replica, cloned anew' },
  );
  await shellOrThrow('make sdk ARGS="email resume"');
  const accepted = await admin.post('/api/v1/emails', {
    body: {
      to: `${randomUUID()}@example.org`,
      template: 'notification',
      variables: { name: 'Ada', title: 'Back', message: 'All is as it was.' },
    },
  });
  const [id = ''] = accepted.data.ids;
  await eventually(
    () => admin.get('/api/v1/emails/{id}', { params: { path: { id } } }),
    ({ data }) => data.status === 'sent',
    { seconds: 60, what: 'an email sent after the restore' },
  );
  expect(await containersOf('worker')).not.toEqual([]);
});
