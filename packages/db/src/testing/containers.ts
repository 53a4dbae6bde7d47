import { randomBytes } from 'node:crypto';
import { GenericContainer, getContainerRuntimeClient, type StartedTestContainer, Wait } from 'testcontainers';

const VERSION = process.env['SV_VERSION'] || 'dev';
const POSTGRES_PORT = 5432;
const PGBOUNCER_PORT = 6432;
/** As in infra/postgres/Dockerfile; a tmpfs would belong to root. */
const POSTGRES_UID = 10_999;

/** Where a server of a test listens: from the test (`host`, `port`), and from other containers (`internalHost`). */
export interface TestServer {
  readonly container: StartedTestContainer;
  readonly host: string;
  readonly port: number;
  readonly internalHost: string;
}

/** By the name of the secret, as the images read them from /run/secrets. */
export type TestSecrets = Readonly<Record<SecretName, string>>;

const SECRET_NAMES = [
  'postgres_password',
  'db_owner_password',
  'db_app_password',
  'db_replication_password',
  'db_pgbouncer_password',
  'db_monitor_password',
  'pgbouncer_console_password',
] as const;
type SecretName = (typeof SECRET_NAMES)[number];

export function makeSecrets(): TestSecrets {
  const made: Partial<Record<SecretName, string>> = {};
  for (const name of SECRET_NAMES) made[name] = randomBytes(16).toString('hex');
  return made as TestSecrets;
}

interface ServerOptions {
  /** Name of the Docker network that the servers share. */
  network: string;
  secrets: TestSecrets;
  /** memory (the default): a test's database lives for seconds; disk: what has gigabytes, or outlives its container's stop. */
  storage?: 'memory' | 'disk';
}

/** One of several nodes, each of which may be the primary: their names are those of their containers. */
export interface NodeOptions extends ServerOptions {
  name: string;
  /** All of them, this one included. */
  nodes: readonly string[];
  /** What its empty volume becomes. */
  role: 'primary' | 'replica';
  environment?: Record<string, string>;
  /** Settings of the server, as `-c` takes them. */
  settings?: readonly string[];
  /** Until its health, which is a server that answers; or until it has logged this. */
  untilLogged?: RegExp;
}

/** A Postgres from the stack's own image: a primary with the roles and the database `sv`. */
export async function startPrimary(options: ServerOptions): Promise<TestServer> {
  return await startPostgres(options, { POSTGRES_ROLE: 'primary', MAX_CONNECTIONS: '200' });
}

/** A streaming replica of `primary`, with a slot of its own; it clones the primary first. */
export async function startReplica(
  options: ServerOptions & { primary: string; slot: string },
): Promise<TestServer> {
  return await startPostgres(options, {
    POSTGRES_ROLE: 'replica',
    PRIMARY_HOST: options.primary,
    REPLICATION_SLOT: options.slot,
    MAX_CONNECTIONS: '200',
  });
}

/** A node as in docker-compose.yml; on disk, so that it can be killed and started again. */
export async function startNode(options: NodeOptions): Promise<TestServer> {
  const { name, nodes, role, environment, settings = [], untilLogged } = options;
  const container = postgresContainer(
    { ...options, storage: 'disk' },
    { POSTGRES_ROLE: role, NODE_NAME: name, POSTGRES_NODES: nodes.join(' '), ...environment },
  )
    .withName(name)
    .withCommand(settings.flatMap((setting) => ['-c', setting]));
  if (untilLogged !== undefined) container.withWaitStrategy(Wait.forLogMessage(untilLogged));
  return await start(container, POSTGRES_PORT);
}

/** A PgBouncer from the stack's own image that passes every database name on to `server`, and `sv_ro` to `replica`. */
export async function startPgbouncer(
  options: ServerOptions & { server: string; replica?: string; poolSize?: number },
): Promise<TestServer> {
  const container = withSecrets(new GenericContainer(`sv-sdk/pgbouncer:${VERSION}`), options.secrets)
    .withNetworkMode(options.network)
    .withEnvironment({
      PRIMARY_HOST: options.server,
      REPLICA_HOST: options.replica ?? options.server,
      EXTRA_DATABASES: '*',
      POOL_SIZE: String(options.poolSize ?? 10),
    })
    .withExposedPorts(PGBOUNCER_PORT)
    .withWaitStrategy(Wait.forHealthCheck());
  return await start(container, PGBOUNCER_PORT);
}

/** Removes every container of a network, also those that a failed test has left stopped or frozen. */
export async function removeContainers(network: string): Promise<void> {
  const { dockerode } = (await getContainerRuntimeClient()).container;
  const found = await dockerode.listContainers({ all: true, filters: { network: [network] } });
  await Promise.all(found.map(({ Id }) => dockerode.getContainer(Id).remove({ force: true, v: true })));
}

async function startPostgres(
  options: ServerOptions,
  environment: Record<string, string>,
): Promise<TestServer> {
  return await start(postgresContainer(options, environment), POSTGRES_PORT);
}

function postgresContainer(options: ServerOptions, environment: Record<string, string>): GenericContainer {
  const container = withSecrets(new GenericContainer(`sv-sdk/postgres:${VERSION}`), options.secrets)
    .withNetworkMode(options.network)
    .withEnvironment(environment)
    .withExposedPorts(POSTGRES_PORT)
    .withWaitStrategy(Wait.forHealthCheck());
  if (options.storage !== 'disk') {
    container.withTmpFs({
      '/var/lib/postgresql': `rw,uid=${POSTGRES_UID},gid=${POSTGRES_UID},mode=0700,size=2g`,
    });
  }
  return container;
}

function withSecrets(container: GenericContainer, secrets: TestSecrets): GenericContainer {
  return container.withCopyContentToContainer(
    Object.entries(secrets).map(([name, content]) => ({
      content,
      target: `/run/secrets/${name}`,
      mode: 0o444,
    })),
  );
}

async function start(wanted: GenericContainer, port: number): Promise<TestServer> {
  const container = await wanted.start();
  return {
    container,
    host: container.getHost(),
    port: container.getMappedPort(port),
    // Docker's DNS knows a container by the first 12 characters of its id.
    internalHost: container.getId().slice(0, 12),
  };
}
