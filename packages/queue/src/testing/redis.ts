import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers';

export const IMAGE = `sv-sdk/redis:${process.env['SV_VERSION'] || 'dev'}`;
const REDIS_PORT = 6379;
export const PASSWORD_FILE = '/run/secrets/password';

export interface TestRedis {
  /** With the password. */
  readonly url: string;
  readonly password: string;
  /** SIGKILL: what it had written to its append-only file is there again after `start`, at the same address. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A Redis from the stack's own image: `queue` keeps everything, `cache` evicts. */
export async function startTestRedis(role: 'queue' | 'cache'): Promise<TestRedis> {
  // Its own image can't be pulled on a host without a registry; what we start, we stop.
  process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';
  const password = randomBytes(16).toString('hex');
  const container = await new GenericContainer(IMAGE)
    .withEnvironment({ REDIS_ROLE: role, MAXMEMORY: '64mb', PASSWORD_FILE })
    .withCopyContentToContainer([{ content: password, target: PASSWORD_FILE, mode: 0o444 }])
    // Docker would choose another port at each start.
    .withExposedPorts({ container: REDIS_PORT, host: await freePort() })
    .withWaitStrategy(Wait.forHealthCheck())
    .start();
  const { container: containers } = await getContainerRuntimeClient();
  const ownContainer = containers.getById(container.getId());
  return {
    url: `redis://:${password}@${container.getHost()}:${container.getMappedPort(REDIS_PORT)}/0`,
    password,
    kill: async () => {
      await ownContainer.kill();
    },
    start: async () => {
      await ownContainer.start();
    },
    stop: async () => {
      await container.stop();
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port was given');
  return address.port;
}
