/**
 * How long a restore of 1 GB takes, and what a backup of it: one node on disk, no other load. The goal is 2 minutes from
 * the start of the copy to a database that has recovered and is at rest.
 *
 *   SV_VERSION=dev node bench/restore.ts [mebibytes]
 */
import { randomBytes } from 'node:crypto';
import { GenericContainer, Wait } from 'testcontainers';

// Its own image can't be pulled on a host without a registry; what is started here is stopped here.
process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';

const GOAL_SECONDS = 120;
const mebibytes = Number(process.argv[2] ?? 1024);
if (!Number.isInteger(mebibytes) || mebibytes < 16 || mebibytes > 16_384) {
  throw new Error(`${process.argv[2]}: a whole number of mebibytes from 16 to 16384 is expected`);
}
const secrets = [
  'postgres_password',
  'db_owner_password',
  'db_app_password',
  'db_replication_password',
  'db_pgbouncer_password',
  'db_monitor_password',
  'backup_encryption_key',
];

const container = await new GenericContainer(`sv-sdk/postgres:${process.env['SV_VERSION'] || 'dev'}`)
  .withEnvironment({ BACKUP_REPOSITORY: 'volume', BACKUP_FIRST_DELAY_SECONDS: '100000' })
  .withCopyContentToContainer(
    secrets.map((name) => ({
      content: randomBytes(16).toString('hex'),
      target: `/run/secrets/${name}`,
      mode: 0o444,
    })),
  )
  // As in docker-compose.yml.
  .withResourcesQuota({ memory: 1, cpu: 2 })
  .withEntrypoint(['sleep', '3600'])
  .withWaitStrategy(Wait.forSuccessfulCommand('true'))
  .start();

async function shell(command: string, env: Record<string, string> = {}): Promise<string> {
  const result = await container.exec(['sh', '-c', command], { env });
  if (result.exitCode !== 0) throw new Error(`${command} ended with ${result.exitCode}:\n${result.output}`);
  return result.stdout.trim();
}
const sql = (statement: string) =>
  shell(
    'PGPASSFILE=/tmp/backup-pgpass psql -h /tmp -U postgres -d sv -XAtq -v ON_ERROR_STOP=1 -c "$STATEMENT"',
    { STATEMENT: statement },
  );
async function timed<T>(action: () => Promise<T>): Promise<[number, T]> {
  const started = performance.now();
  const result = await action();
  return [(performance.now() - started) / 1000, result];
}

try {
  await shell('entrypoint.sh >/tmp/server.log 2>&1 & until healthcheck.sh; do sleep 0.2; done');
  // Half a kilobyte a row of what compresses about as text does: hexadecimal, half of it random.
  const rows = Math.round((mebibytes * 1024 ** 2) / 600);
  await sql(
    `create table public.filler as select n as id, repeat(md5(n::text), 4) || (select string_agg(md5(n::text || k), '') from generate_series(1, 12) k) as text from generate_series(1, ${rows}) n`,
  );
  await sql('alter table filler add primary key (id)');
  const bytes = Number(await sql('select pg_database_size(current_database())'));
  const [backupSeconds] = await timed(() => shell('backup-run.sh full'));
  const stored = Number((await shell('du -sb /var/lib/pgbackrest/backup')).split('\t')[0]);
  await sql('delete from filler where id % 100 = 0');
  const checksum = 'select count(*), sum(hashtextextended(text, id)) from filler';
  const expected = await sql(checksum);
  await sql('select pg_switch_wal()');
  const set = await shell(
    "pgbackrest --output=text info | awk '/ backup: / { label = $3 } END { print label }'",
  );
  await shell('pg_ctl -m fast -s -w stop');
  const [restoreSeconds, said] = await timed(() =>
    shell('backup-restore.sh prepare && backup-restore.sh commit bench', {
      RESTORE_SET: set,
      RESTORE_BYTES: String(bytes),
    }),
  );
  await shell('entrypoint.sh >>/tmp/server.log 2>&1 & until healthcheck.sh; do sleep 0.2; done');
  if ((await sql(checksum)) !== expected) throw new Error('the restored rows are not those that were there');
  process.stdout.write(
    `${said}\n
database                  ${(bytes / 1024 ** 2).toFixed(0)} MiB
full backup               ${backupSeconds.toFixed(1)} s, ${(stored / 1024 ** 2).toFixed(0)} MiB in the repository
restore                   ${restoreSeconds.toFixed(1)} s (${(bytes / 1024 ** 2 / restoreSeconds).toFixed(0)} MiB/s): copied, WAL replayed, at rest
goal                      1 GB within ${GOAL_SECONDS} s: ${((restoreSeconds * 1e9) / bytes).toFixed(1)} s for 1 GB\n`,
  );
  if ((restoreSeconds * 1e9) / bytes > GOAL_SECONDS) process.exitCode = 1;
} finally {
  await container.stop({ timeout: 0 });
}
