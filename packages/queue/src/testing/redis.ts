import { randomBytes } from 'node:crypto';
import { GenericContainer, Wait } from 'testcontainers';

const VERSION = process.env['SV_VERSION'] || 'dev';
const REDIS_PORT = 6379;
const PASSWORD_FILE = '/run/secrets/password';

export interface TestRedis {
  /** With the password. */
  readonly url: string;
  readonly password: string;
  stop(): Promise<void>;
}

/** A Redis from the stack's own image: `queue` keeps everything, `cache` evicts. */
export async function startTestRedis(role: 'queue' | 'cache'): Promise<TestRedis> {
  // Its own image can't be pulled on a host without a registry; what we start, we stop.
  process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';
  const password = randomBytes(16).toString('hex');
  const container = await new GenericContainer(`sv-sdk/redis:${VERSION}`)
    .withEnvironment({ REDIS_ROLE: role, MAXMEMORY: '64mb', PASSWORD_FILE })
    .withCopyContentToContainer([{ content: password, target: PASSWORD_FILE, mode: 0o444 }])
    .withExposedPorts(REDIS_PORT)
    .withWaitStrategy(Wait.forHealthCheck())
    .start();
  return {
    url: `redis://:${password}@${container.getHost()}:${container.getMappedPort(REDIS_PORT)}/0`,
    password,
    stop: async () => {
      await container.stop();
    },
  };
}
