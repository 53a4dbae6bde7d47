/** The Postgres image's own backups (infra/postgres/backup-*.sh), on a node of each test's own. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createLogger } from '@sv-sdk/telemetry';
import pg from 'pg';
import S3rver from 's3rver';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { migrate } from './migrate.ts';
import { type BackupNode, startBackupNode } from './testing/backup-node.ts';

// Whole clusters are made, copied and recovered, S3 included: half a minute, and a busy machine takes four times as long.
vi.setConfig({ testTimeout: 180_000 });

const { secrets } = inject('databaseServers');
const KEY = 'a-key-of-the-test-0123456789abcdef';
const KNOWN = 'a known sentence that must not be readable in any backup';
/** Of what happens by itself within moments; this machine may be busy. */
const SOON = { timeout: 60_000, interval: 250 };

async function startNode(
  environment: Record<string, string> = {},
  more: Record<string, string> = {},
): Promise<BackupNode> {
  const node = await startBackupNode({
    secrets: { ...secrets, backup_encryption_key: KEY, ...more },
    environment,
  });
  onTestFinished(async () => {
    await node.container.stop({ timeout: 0 });
  });
  return node;
}

/** Every file of the repository: does it look encrypted, and does it hold the text? */
async function scanRepository(node: BackupNode) {
  const { stdout } = await node.shell(
    `cd /var/lib/pgbackrest && find . -type f | while read -r file; do
       printf '%s %s %s %s\\n' "$(head -c 8 "$file" | tr -cd 'A-Za-z_')" "$(LC_ALL=C grep -acP '\\x28\\xb5\\x2f\\xfd' "$file")" \\
         "$(grep -ac "${KNOWN}" "$file")" "$file"
     done`,
  );
  return stdout
    .trim()
    .split('\n')
    .map((line) => {
      const [start = '', zstdFrames, known, file = ''] = line.split(' ');
      // The parts of a bundle have no header of their own; unencrypted each would begin as zstd does. Chance makes one
      // such beginning in 4 GB.
      const isEncrypted = file.includes('/bundle/') ? Number(zstdFrames) < 3 : start.startsWith('Salted__');
      return { file, isEncrypted, hasText: known !== '0' };
    });
}

const restoreTo = (node: BackupNode, to: string, environment: Record<string, string> = {}) =>
  node.shell('backup-restore.sh prepare && backup-restore.sh commit "$RESTORE_TO"', {
    environment: { RESTORE_TO: to, RESTORE_BYTES: '50000000', ...environment },
  });

test('WAL is archived, full and incremental backups are made, and nothing in the repository is readable', async () => {
  const node = await startNode();
  await node.startServer();
  await node.sql(`create table public.known as select '${KNOWN}' as text, n from generate_series(1, 500) n`);
  await node.backUp('full');
  await node.sql('insert into known select text, n + 1000 from known');
  await node.backUp('incr');
  await node.archiveEverything();
  const [full = '', incremental = ''] = await node.labels();
  expect(full).toMatch(/^\d{8}-\d{6}F$/);
  expect(incremental).toMatch(new RegExp(`^${full}_\\d{8}-\\d{6}I$`));
  const files = await scanRepository(node);
  expect(files.length).toBeGreaterThan(10);
  expect(files.filter(({ isEncrypted, hasText }) => !isEncrypted || hasText)).toEqual([]);
  // Nothing of the key is said to who asks for the processes or the environment.
  expect(
    (await node.shell('cat /proc/*/cmdline /proc/*/environ 2>/dev/null | tr "\\0" "\\n"')).stdout,
  ).not.toContain(KEY);
  expect((await node.shell('stat -c %a /tmp/pgbackrest.conf')).stdout.trim()).toBe('600');
  const otherKey = await node.shell(
    'sed s/a-key/b-key/ /tmp/pgbackrest.conf >/tmp/other.conf; pgbackrest --config=/tmp/other.conf restore --pg1-path=/tmp/nowhere 2>&1',
    { mayFail: true },
  );
  expect(otherKey.exitCode).not.toBe(0);
  expect(otherKey.output).toContain('no backup set found to restore');

  // As node-exporter and `sdk db status` get it.
  const now = Date.now() / 1000;
  expect(await node.metric('sv_backup_last_completed_timestamp_seconds{type="full"}')).toBeGreaterThan(
    now - 600,
  );
  expect(await node.metric('sv_backup_last_completed_timestamp_seconds{type="incr"}')).toBeGreaterThan(
    now - 600,
  );
  expect(await node.metric('sv_backup_last_size_bytes{type="full"}')).toBeGreaterThan(1_000_000);
  expect(await node.metric('sv_backups')).toBe(2);
  expect(await node.metric('sv_backup_last_failure_timestamp_seconds')).toBe(0);
  const status = JSON.parse((await node.shell('cat /var/lib/sv-backup-status/status.json')).stdout);
  expect(status.backups.map(({ label }: { label: string }) => label)).toEqual([full, incremental]);
});

test('what is older than the retention goes with the backup that makes it old, its WAL too', async () => {
  const node = await startNode({ BACKUP_RETENTION_DAYS: '21' });
  await node.startServer();
  expect((await node.shell('grep retention /tmp/pgbackrest.conf')).stdout.trim().split('\n')).toEqual([
    'repo1-retention-full-type=time',
    'repo1-retention-full=21',
    'repo1-retention-history=21',
  ]);
  await node.backUp('full');
  await node.backUp('incr');
  const [old = ''] = await node.labels();
  // A day can't be waited for: by number, what a day does by time.
  await node.backUp('full', {
    PGBACKREST_REPO1_RETENTION_FULL_TYPE: 'count',
    PGBACKREST_REPO1_RETENTION_FULL: '1',
  });
  const labels = await node.labels();
  expect(labels).toHaveLength(1);
  expect(labels[0]).not.toBe(old);
  expect((await node.shell('ls /var/lib/pgbackrest/backup/sv')).stdout).not.toContain(old);
});

describe('the scheduler', () => {
  /** One for all rows of the table below, as they change nothing. */
  let node: BackupNode;
  beforeAll(async () => {
    node = await startBackupNode({ secrets: { ...secrets, backup_encryption_key: KEY } });
    await node.startServer();
  });
  afterAll(async () => {
    await node.container.stop({ timeout: 0 });
  });

  test('makes the first backup by itself, and a new one when WAL was dropped or the timeline changed', async () => {
    const woken = await startNode({ BACKUP_FIRST_DELAY_SECONDS: '0', BACKUP_LOOK_SECONDS: '1' });
    await woken.startServer();
    await expect.poll(() => woken.metric('sv_backups'), SOON).toBe(1);
    expect(await woken.metric('sv_backup_last_completed_timestamp_seconds{type="full"}')).toBeDefined();
    await woken.shell('date +%s >/var/lib/sv-backup-status/wal-dropped');
    await expect.poll(() => woken.metric('sv_backups'), SOON).toBe(2);
    // It is no child of Postgres, which would restart all sessions if such a child were killed.
    const { stdout } = await woken.shell(
      'for pid in $(pgrep -f backup-scheduler.sh); do awk "/^PPid/ { print \\$2 }" /proc/$pid/status; done | sort -u',
      { mayFail: true },
    );
    const postmaster = (await woken.shell('head -n 1 $PGDATA/postmaster.pid')).stdout.trim();
    expect(stdout.split('\n')).not.toContain(postmaster);
  });

  test.each([
    ['nothing is there', [], 'full'],
    ['the full backup is a week old', [['full', 7 * 24 * 60 + 1]], 'full'],
    [
      'the last backup is a day old',
      [
        ['full', 3 * 24 * 60],
        ['incr', 24 * 60 + 1],
      ],
      'incr',
    ],
    [
      'neither',
      [
        ['full', 6 * 24 * 60],
        ['incr', 23 * 60],
      ],
      '',
    ],
    ['WAL was dropped', [['full', 60]], 'incr', { 'wal-dropped': 5 }],
    ['WAL was dropped before the last backup', [['full', 60]], '', { 'wal-dropped': 90 }],
    ['it has just failed', [], '', { failure: 5 }],
    ['it failed a while ago', [], 'full', { failure: 11 }],
  ] as [string, [string, number][], string, Record<string, number>?][])(
    'when %s',
    async (_what, backups, due, marks = {}) => {
      const minutesAgo = (minutes: number) => Math.floor(Date.now() / 1000) - minutes * 60;
      const info = [
        {
          backup: backups.map(([type, minutes]) => ({
            type,
            timestamp: { start: minutesAgo(minutes), stop: minutesAgo(minutes) },
            archive: { stop: '000000010000000000000001' },
          })),
        },
      ];
      const { stdout } = await node.shell(
        `mkdir -p /tmp/due && cd /tmp/due && printf %s "$INFO" >info.json && printf %s "$FAILURE" >failure && printf %s "$DROPPED" >wal-dropped &&
         BACKUP_STATUS=/tmp/due PGPASSFILE=/tmp/backup-pgpass psql -h /tmp -U postgres -XAtq --set=full_days=7 --set=incremental_hours=24 --file=/etc/sv-postgres/backup-due.sql`,
        {
          environment: {
            INFO: JSON.stringify(info),
            FAILURE: marks['failure'] === undefined ? '' : `${minutesAgo(marks['failure'])} why`,
            DROPPED: marks['wal-dropped'] === undefined ? '' : String(minutesAgo(marks['wal-dropped'])),
          },
        },
      );
      expect(stdout.trim()).toBe(due);
    },
  );
});

test('a restore to a moment between two writes has the first and not the second, and knows what it can’t know', async () => {
  const node = await startNode();
  // What the passwords were then is no matter.
  await node.startServer();
  await migrate(node.url('sv_owner', secrets.db_owner_password), {
    logger: createLogger({ service: 'test', version: 'test', level: 'silent' }),
  });
  await node.backUp('full');
  const [set = ''] = await node.labels();
  await node.sql(`
    insert into auth.users (id, email, name) values ('ada', 'ada@example.org', 'Ada');
    insert into auth.sessions (id, user_id, token, expires_at) values ('s', 'ada', 't', now() + interval '1 day');
    insert into email.email_sends (id, recipient, template, variables) values
      ('due', 'a@example.org', 'notification', '{}'), ('later', 'b@example.org', 'notification', '{}');
    insert into email.email_outbox (email_send_id, priority, due_at, relayed_at) values
      ('due', 5, now(), now()), ('later', 5, now() + interval '1 hour', null);
    alter role sv_app password 'of another time';
    insert into email.email_suppressions (id, email, reason) values ('first', '1@example.org', 'manual')`);
  const between = await node.sql('select clock_timestamp()');
  await node.sql(
    `insert into email.email_suppressions (id, email, reason) values ('second', '2@example.org', 'manual')`,
  );
  await node.archiveEverything();
  await node.stopServer();

  // What can't be reached changes nothing.
  const unreachable = await node.shell('RESTORE_TO="2100-01-01 00:00:00+00" backup-restore.sh prepare', {
    mayFail: true,
    environment: { RESTORE_SET: set, RESTORE_BYTES: '50000000' },
  });
  expect(unreachable.exitCode).not.toBe(0);
  expect(unreachable.output).toContain('recovery ended before configured recovery target was reached');

  await restoreTo(node, between, { RESTORE_SET: set, RESTORE_TIMELINE: '1' });
  await node.startServer();
  expect(await node.sql('select string_agg(id, $$,$$) from email.email_suppressions')).toBe('first');
  expect(await node.sql('select count(*) from auth.sessions')).toBe('0');
  expect(
    await node.sql(
      `select string_agg(concat_ws(' ', id, status, uncertain_at is not null), ',' order by id) from email.email_sends`,
    ),
  ).toBe('due queued t,later queued f');
  expect(
    await node.sql('select count(*) from email.email_outbox where relayed_at is null and may_have_job'),
  ).toBe('2');
  expect(
    await node.sql(
      "select metadata - 'restoredTo' from audit.audit_logs where event_type = 'platform.restored'",
    ),
  ).toBe('{"by": "make restore", "endedSessions": 1, "uncertainEmails": 1}');
  // The secrets of today open it, and nothing is left of how it was restored.
  const app = new pg.Client({ connectionString: node.url('sv_app', secrets.db_app_password) });
  await app.connect();
  await app.end();
  expect((await node.shell('grep -v "^#" $PGDATA/postgresql.auto.conf', { mayFail: true })).stdout).toBe('');
  // The new timeline is in the archive, with the file that says where it began.
  await node.archiveEverything();
  await node.backUp('incr');
  expect(
    (await node.shell('find /var/lib/pgbackrest/archive -name "00000002*" | wc -l')).stdout.trim(),
  ).not.toBe('0');

  // Undone: all is as it was before.
  await node.stopServer();
  await node.shell('backup-restore.sh undo');
  await node.startServer();
  expect(await node.sql('select string_agg(id, $$,$$ order by id) from email.email_suppressions')).toBe(
    'first,second',
  );
  expect(await node.sql('select count(*) from auth.sessions')).toBe('1');
  // And it goes on archiving, on its own timeline.
  await node.archiveEverything();
});

test('a data directory that is gone comes back to its last archived moment; a new one never mixes with the old backups', async () => {
  const node = await startNode();
  await node.startServer();
  await node.sql('create table public.kept as select 1 as one');
  await node.backUp('full');
  await node.sql('insert into kept values (2)');
  await node.archiveEverything();
  const labels = await node.labels();
  await node.stopServer();
  // And what says that this node was the primary: else it would wait for a restore and start nothing.
  await node.shell('rm -rf $PGDATA /topology/primary');

  // A new cluster, which the old repository refuses.
  await node.startServer();
  const refused = await node.shell('backup-run.sh full', { mayFail: true });
  expect(refused.exitCode).not.toBe(0);
  expect(refused.output).toContain('do not match stanza');
  expect(await node.metric('sv_backup_last_failure_timestamp_seconds')).toBeGreaterThan(0);
  await node.sql('select pg_switch_wal()');
  await expect.poll(() => node.sql('select failed_count > 0 from pg_stat_archiver'), SOON).toBe('t');
  expect(await node.labels()).toEqual(labels);
  await node.shell('pg_ctl --mode=immediate --silent stop');

  await restoreTo(node, '', { RESTORE_SET: labels[0] ?? '', RESTORE_LOSSY: '1' });
  await node.startServer();
  expect(await node.sql('select string_agg(one::text, $$,$$) from kept')).toBe('1,2');
  await node.archiveEverything();
});

describe('where the repository can’t be written', () => {
  test('Postgres works, the metrics say so, and it goes on by itself once it can', async () => {
    const node = await startNode();
    await node.shell('chmod 500 /var/lib/pgbackrest');
    await node.startServer();
    await node.sql('create table public.works as select 1');
    expect((await node.shell('backup-run.sh full', { mayFail: true })).exitCode).not.toBe(0);
    await node.sql('select pg_switch_wal()');
    await expect.poll(() => node.sql('select failed_count > 0 from pg_stat_archiver'), SOON).toBe('t');
    await node.shell(
      'chmod 700 /var/lib/pgbackrest && PGPASSFILE=/tmp/backup-pgpass pgbackrest stanza-create',
    );
    await node.archiveEverything();
    await node.backUp('full');
    expect(await node.metric('sv_backup_last_failure_timestamp_seconds')).toBe(0);
  });

  test('for long, WAL is dropped rather than the disk filled, and that is written down', async () => {
    const node = await startNode({ BACKUP_WAL_QUEUE_MAX: '32MiB' });
    await node.startServer();
    await node.shell(
      'chmod 500 /var/lib/pgbackrest /var/lib/pgbackrest/*/sv /var/lib/pgbackrest/archive/sv/18-1 2>/dev/null',
      { mayFail: true },
    );
    for (let segment = 0; segment < 4; segment += 1) {
      await node.sql('select pg_current_xact_id()');
      await node.sql('select pg_switch_wal()');
    }
    await expect
      .poll(
        async () =>
          (await node.shell('cat /var/lib/sv-backup-status/wal-dropped', { mayFail: true })).stdout.trim(),
        SOON,
      )
      .toMatch(/^\d+$/);
    expect(
      await node.sql("select count(*) < 4 from pg_ls_archive_statusdir() where name like '%.ready'"),
    ).toBe('t');
  });

  test('a missing key is said, and keeps Postgres from nothing', async () => {
    const node = await startBackupNode({ secrets });
    onTestFinished(async () => {
      await node.container.stop({ timeout: 0 });
    });
    await node.startServer();
    expect((await node.shell('cat /tmp/server.log')).stdout).toContain(
      'the secret backup_encryption_key is missing; BACKUP_REPOSITORY=volume needs it',
    );
  });
});

test('S3, over TLS with an authority of one’s own: archived, backed up, restored; another authority is refused', async () => {
  const folder = await mkdtemp(join(tmpdir(), 's3-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  await promisify(execFile)('openssl', [
    ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=s3.test'.split(
      ' ',
    ),
    ...['-addext', 'subjectAltName=DNS:s3.test', '-keyout', key, '-out', certificate],
  ]);
  const server = new S3rver({
    address: '0.0.0.0',
    port: 0,
    silent: true,
    vhostBuckets: false,
    directory: join(folder, 'data'),
    configureBuckets: [{ name: 'backups', configs: [] }],
    key: await readFile(key),
    cert: await readFile(certificate),
  });
  const { port } = await server.run();
  onTestFinished(() => server.close());
  const node = await startNode(
    {
      BACKUP_REPOSITORY: 's3',
      BACKUP_S3_ENDPOINT: `s3.test:${port}`,
      BACKUP_S3_BUCKET: 'backups',
      BACKUP_S3_REGION: 'us-east-1',
      BACKUP_S3_KEY_ID: 'S3RVER',
      BACKUP_S3_URI_STYLE: 'path',
    },
    { backup_s3_secret: 'S3RVER', backup_s3_ca: await readFile(certificate, 'utf8') },
  );
  await node.startServer();
  await node.sql('create table public.kept as select 1 as one');
  await node.backUp('full');
  await node.sql('insert into kept values (2)');
  await node.archiveEverything();
  const [set = ''] = await node.labels();
  const trusting = await node.shell(
    'pgbackrest --repo1-storage-ca-file=/etc/ssl/certs/ca-certificates.crt repo-ls 2>&1',
    { mayFail: true },
  );
  expect(trusting.exitCode).not.toBe(0);
  expect(trusting.output).toMatch(/certificate/);
  await node.stopServer();
  await node.shell('rm -rf $PGDATA');
  await restoreTo(node, '', { RESTORE_SET: set });
  await node.startServer();
  expect(await node.sql('select string_agg(one::text, $$,$$) from kept')).toBe('1,2');
});
