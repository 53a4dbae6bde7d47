import { nameOf, nodesOf, primariesOf } from '@sv-sdk/redis';
import { EMAIL_QUEUE_PREFIX } from './catalogue.ts';
import type { QueueConnection } from './connection.ts';

const EXPECTED_POLICY = 'noeviction';

/** The server would throw jobs away. Nothing helps but another server, or another setting of this one. */
export class QueuePolicyError extends Error {
  constructor(server: string, policy: string) {
    super(
      `The Redis server of the queue, ${server}, has maxmemory-policy "${policy}"; "${EXPECTED_POLICY}" is expected. ` +
        'With any other policy Redis removes keys of BullMQ when its memory is full, and jobs with them: see ' +
        'https://docs.bullmq.io/guide/going-to-production#max-memory-policy. Point REDIS_QUEUE_URL to a server ' +
        `that is no cache, or run CONFIG SET maxmemory-policy ${EXPECTED_POLICY} there.`,
    );
    this.name = 'QueuePolicyError';
  }
}

/**
 * Throws {@link QueuePolicyError} unless the server keeps all that it is given; of a cluster each primary must, as the
 * queue's slot may be moved to any. One that doesn't answer is judged only if it has the queue. Asks INFO, not CONFIG,
 * which managed Redis services forbid.
 */
export async function assertQueuePolicy(connection: QueueConnection): Promise<void> {
  const [own] = nodesOf(connection, EMAIL_QUEUE_PREFIX);
  const servers = primariesOf(connection);
  if (!servers.some((server) => nameOf(server) === own)) throw new Error('no server has the queue');
  await Promise.all(
    servers.map(async (server) => {
      let info: string;
      try {
        info = await server.info('memory');
      } catch (error) {
        if (nameOf(server) === own) throw error;
        return;
      }
      const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? 'unknown';
      if (policy !== EXPECTED_POLICY) throw new QueuePolicyError(nameOf(server), policy);
    }),
  );
}
