/**
 * A Postgres node whose server can be stopped, restored and started again in its container, as the restore's own
 * containers do on its volumes. Its scheduler sleeps unless a test wakes it.
 */
import { GenericContainer, Wait } from 'testcontainers';
import { databaseUrl } from './urls.ts';

const IMAGE = `sv-sdk/postgres:${process.env['SV_VERSION'] || 'dev'}`;
const STATUS = '/var/lib/sv-backup-status';
const LONG_SECONDS = '100000';

export type BackupNode = Awaited<ReturnType<typeof startBackupNode>>;

export async function startBackupNode(options: {
  secrets: Readonly<Record<string, string>>;
  environment?: Record<string, string>;
}) {
  const container = await new GenericContainer(IMAGE)
    .withEnvironment({
      BACKUP_REPOSITORY: 'volume',
      BACKUP_FIRST_DELAY_SECONDS: LONG_SECONDS,
      ...options.environment,
    })
    .withCopyContentToContainer(
      Object.entries(options.secrets).map(([name, content]) => ({
        content,
        target: `/run/secrets/${name}`,
        mode: 0o444,
      })),
    )
    // The gateway is where a server of the test itself can be reached.
    .withExtraHosts([{ host: 's3.test', ipAddress: 'host-gateway' }])
    // Memory: these databases live for seconds.
    .withTmpFs({
      '/var/lib/postgresql': 'rw,uid=10999,gid=10999,mode=0700,size=2g',
      '/var/lib/pgbackrest': 'rw,uid=10999,gid=10999,mode=0700,size=1g',
    })
    .withEntrypoint(['sleep', '900'])
    .withExposedPorts(5432)
    // The ports are open only once the server is started, below.
    .withWaitStrategy(Wait.forSuccessfulCommand('true'))
    .start();

  /** A shell command in the node; throws with what it said, unless it may fail. */
  const shell = async (
    command: string,
    { mayFail = false, environment = {} as Record<string, string> } = {},
  ) => {
    const result = await container.exec(['sh', '-c', command], { env: environment });
    if (result.exitCode !== 0 && !mayFail)
      throw new Error(`${command} ended with ${result.exitCode}:\n${result.output}`);
    return result;
  };

  const node = {
    container,
    shell,
    /** Starts the server as the stack does, and waits until it answers. */
    async startServer(): Promise<void> {
      await shell('entrypoint.sh >>/tmp/server.log 2>&1 &');
      await shell(
        'tries=0; until healthcheck.sh; do tries=$((tries + 1)); [ "$tries" -lt 300 ] || { tail -n 20 /tmp/server.log >&2; exit 1; }; sleep 0.2; done',
      );
    },
    async stopServer(): Promise<void> {
      await shell('pg_ctl --mode=fast --silent --wait stop');
    },
    /** One value, as the superuser. */
    async sql(statement: string): Promise<string> {
      const { stdout } = await shell(
        'PGPASSFILE=/tmp/backup-pgpass psql --host=/tmp --username=postgres --dbname=sv --no-psqlrc -At --set=ON_ERROR_STOP=1 --command="$STATEMENT"',
        { environment: { STATEMENT: statement } },
      );
      return stdout.trim();
    },
    backUp: (type: 'full' | 'diff' | 'incr', environment: Record<string, string> = {}) =>
      shell(`backup-run.sh ${type}`, { environment }),
    /** Labels in the repository, oldest first. */
    async labels(): Promise<string[]> {
      const { stdout } = await shell('pgbackrest --output=json info');
      return JSON.parse(stdout)[0].backup.map(({ label }: { label: string }) => label);
    },
    /** The value of a metric as node-exporter would read it; undefined: it is not there. */
    async metric(series: string): Promise<number | undefined> {
      const { stdout } = await shell(`cat ${STATUS}/backup.prom`, { mayFail: true });
      const line = stdout.split('\n').find((candidate) => candidate.startsWith(`${series} `));
      return line === undefined ? undefined : Number(line.slice(series.length + 1));
    },
    /** A commit after all others, and all of it in the archive. */
    async archiveEverything(): Promise<void> {
      await node.sql('select pg_current_xact_id()');
      const segment = await node.sql('select pg_walfile_name(pg_switch_wal())');
      await shell(
        `tries=0; until [ "$(PGPASSFILE=/tmp/backup-pgpass psql -h /tmp -U postgres -XAtc "select last_archived_wal >= '${segment}' from pg_stat_archiver")" = t ]; do tries=$((tries + 1)); [ "$tries" -lt 300 ] || exit 1; sleep 0.2; done`,
      );
    },
    /** For a client on the test's side. */
    url: (user: string, password: string) =>
      databaseUrl({ host: container.getHost(), port: container.getMappedPort(5432) }, user, password, 'sv'),
  };
  return node;
}
