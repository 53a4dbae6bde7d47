/**
 * Postgres and Redis as somebody else runs them: outside of any stack, with TLS only, by a CA of their own, and without a
 * superuser. From the stack's own images, past their entrypoints.
 */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { GenericContainer, getContainerRuntimeClient, type StartedTestContainer, Wait } from 'testcontainers';
import { type Issued, issue } from './certificates.ts';

const VERSION = process.env['SV_VERSION'] || 'dev';
const POSTGRES_PORT = 5432;
const REDIS_PORT = 6379;
/** As in infra/postgres/Dockerfile; a tmpfs would belong to root. */
const POSTGRES_UID = 10_999;
/** As RDS' own administrator: may make roles and databases, and hand on pg_monitor; is no superuser. */
export const ADMIN_ROLE = 'cloud_admin';

export interface ManagedServer {
  readonly container: StartedTestContainer;
  /** From the test; its certificate is for this host, and for `name`. */
  readonly host: string;
  readonly port: number;
  /** From containers of a network on which it has this alias. */
  readonly name: string;
  readonly password: string;
}

export interface ManagedOptions {
  readonly authority: Issued;
  readonly name: string;
  /** Of Docker; by default its own. */
  readonly network?: string;
}

/** Under which host published ports are reached from here. */
export async function containerHost(): Promise<string> {
  // Its reaper's image can't be pulled on a host without a registry; what we start, we stop.
  process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';
  return (await getContainerRuntimeClient()).info.containerRuntime.host;
}

const PREPARE_KEY = 'cp /run/tls/key.pem /tmp/key.pem && chmod 0600 /tmp/key.pem';
/** No statement of ours may show a password: what DDL says is logged, as providers' consoles let people have it. */
const RUN_POSTGRES = `exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/tmp -c fsync=off \
  -c ssl=on -c ssl_cert_file=/run/tls/certificate.pem -c ssl_key_file=/tmp/key.pem -c log_statement=ddl \
  -c password_encryption=scram-sha-256 -c shared_preload_libraries=pg_stat_statements`;

/** A primary, with {@link ADMIN_ROLE}; its password is `password`. */
export async function startManagedPostgres(options: ManagedOptions): Promise<ManagedServer> {
  const password = randomBytes(12).toString('hex');
  const server = await startServer('postgres', POSTGRES_PORT, options, {
    password,
    script: `set -eu
      ${PREPARE_KEY}
      initdb --pgdata="$PGDATA" --username=root_of_all --pwfile=/run/tls/password --auth=scram-sha-256 --encoding=UTF8 \
        --locale-provider=builtin --builtin-locale=C.UTF-8 --no-sync
      printf 'hostssl all all all scram-sha-256\nhostssl replication all all scram-sha-256\n' >"$PGDATA/pg_hba.conf"
      ${RUN_POSTGRES}`,
  });
  const root = new pg.Client({
    connectionString: `postgres://root_of_all:${password}@${server.host}:${server.port}/postgres`,
    ssl: { ca: options.authority.pem },
  });
  await root.connect();
  await root.query(`create role ${ADMIN_ROLE} login createrole createdb password '${password}'`);
  await root.query(`grant pg_monitor to ${ADMIN_ROLE} with admin option`);
  await root.end();
  return server;
}

/** A streaming replica of such a primary, on the same network. */
export async function startManagedReplica(
  options: ManagedOptions & { primary: ManagedServer },
): Promise<ManagedServer> {
  const { primary } = options;
  return await startServer('postgres', POSTGRES_PORT, options, {
    password: primary.password,
    script: `set -eu
      ${PREPARE_KEY}
      printf '*:*:*:*:%s\n' "$(cat /run/tls/password)" >/tmp/pgpass && chmod 0600 /tmp/pgpass
      export PGPASSFILE=/tmp/pgpass
      pg_basebackup --dbname='host=${primary.name} user=root_of_all sslmode=verify-full sslrootcert=/run/tls/ca.pem' \
        --pgdata="$PGDATA" --wal-method=stream --checkpoint=fast --write-recovery-conf --no-password --no-sync
      ${RUN_POSTGRES}`,
  });
}

/** As ElastiCache: CONFIG is not there. */
export async function startManagedRedis(
  options: ManagedOptions & { policy: 'noeviction' | 'allkeys-lru' },
): Promise<ManagedServer> {
  const password = randomBytes(12).toString('hex');
  return await startServer('redis', REDIS_PORT, options, {
    password,
    script: `set -eu
      ${PREPARE_KEY}
      exec redis-server --port 0 --tls-port ${REDIS_PORT} --tls-cert-file /run/tls/certificate.pem \
        --tls-key-file /tmp/key.pem --tls-ca-cert-file /run/tls/ca.pem --tls-auth-clients no --save '' \
        --requirepass "$(cat /run/tls/password)" --maxmemory 64mb --maxmemory-policy ${options.policy} \
        --rename-command CONFIG ''`,
  });
}

async function startServer(
  image: 'postgres' | 'redis',
  port: number,
  options: ManagedOptions,
  what: { password: string; script: string },
): Promise<ManagedServer> {
  const host = await containerHost();
  const certificate = await issue({
    name: options.name,
    issuer: options.authority,
    names: [options.name, host],
  });
  const files = {
    'certificate.pem': certificate.pem,
    'key.pem': certificate.keyPem,
    'ca.pem': options.authority.pem,
    password: what.password,
  };
  const container = new GenericContainer(`sv-sdk/${image}:${VERSION}`)
    .withEntrypoint(['bash', '-c', what.script])
    .withCopyContentToContainer(
      Object.entries(files).map(([name, content]) => ({ content, target: `/run/tls/${name}`, mode: 0o444 })),
    )
    .withExposedPorts(port)
    .withWaitStrategy(
      Wait.forLogMessage(
        image === 'redis' ? /Ready to accept connections/ : /database system is ready to accept/,
      ),
    );
  if (image === 'postgres') {
    container.withTmpFs({
      '/var/lib/postgresql': `rw,uid=${POSTGRES_UID},gid=${POSTGRES_UID},mode=0700,size=1g`,
    });
  }
  if (options.network !== undefined) {
    container.withNetworkMode(options.network).withNetworkAliases(options.name);
  }
  const started = await container.start();
  return {
    container: started,
    host,
    port: started.getMappedPort(port),
    name: options.name,
    password: what.password,
  };
}

/** All that a container has printed until now. */
export async function logOf(container: StartedTestContainer): Promise<string> {
  const { dockerode } = (await getContainerRuntimeClient()).container;
  const log = await dockerode
    .getContainer(container.getId())
    .logs({ stdout: true, stderr: true, follow: false });
  return log.toString('utf8');
}
