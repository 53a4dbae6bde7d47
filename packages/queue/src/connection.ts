import { isCluster, openRedisClient, type RedisClient } from '@sv-sdk/redis';
import type { Logger } from '@sv-sdk/telemetry';

export type QueueConnection = RedisClient;

/** How long a producer waits for one answer. Its caller holds a database transaction meanwhile. */
const PRODUCER_COMMAND_TIMEOUT_MS = 5000;

/**
 * RESP2, which BullMQ is tested with: 6.7.0 runs its own tests on ioredis 5.11, while ioredis 6 would ask for
 * RESP3. Both give the same shapes (`replyMapping: legacy`), but only one is proven.
 */
const PROTOCOL = 2;
/**
 * How often a worker's command goes to a cluster again, 50 ms apart: for a minute, in which a replica has taken the
 * place of a primary that is gone. What isn't written by then is found in Postgres.
 */
const WORKER_REDIRECTIONS = 1_200;

/**
 * For who adds jobs. Fails at once while Redis is away instead of queueing in memory: whoever adds has a
 * transaction to roll back.
 */
export function createProducerConnection(url: string, logger: Logger): QueueConnection {
  return connect(url, logger, 'producer', {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: PRODUCER_COMMAND_TIMEOUT_MS,
  });
}

/** For who takes jobs. Waits for Redis however long it is away, which BullMQ demands of a blocking connection. */
export function createWorkerConnection(url: string, logger: Logger): QueueConnection {
  return connect(url, logger, 'worker', {
    maxRetriesPerRequest: null,
    maxRedirections: WORKER_REDIRECTIONS,
  });
}

/** Resolves once the server answers, however long that takes. Only of use at the start: afterwards it comes and goes. */
export async function untilConnected(connection: QueueConnection): Promise<void> {
  // Not events.once(), which the first refused connection would reject.
  if (connection.status !== 'ready') await new Promise<void>((resolve) => connection.once('ready', resolve));
}

function connect(
  url: string,
  logger: Logger,
  role: 'producer' | 'worker',
  options: {
    enableOfflineQueue?: boolean;
    maxRetriesPerRequest: number | null;
    commandTimeout?: number;
    maxRedirections?: number;
  },
): QueueConnection {
  const connection = openRedisClient(url, {
    ...options,
    protocol: PROTOCOL,
    connectionName: `sv-queue-${role}`,
  });
  // Without a listener the first refused connection would end the process. ioredis tries again by itself,
  // at most 5 s later.
  const failed = (error: Error) => logger.warn({ err: error, role }, 'the queue connection failed');
  connection.on('error', failed);
  if (isCluster(connection)) connection.on('node error', failed);
  return connection;
}
