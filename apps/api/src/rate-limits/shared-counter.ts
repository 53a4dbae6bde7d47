import { openRedisClient } from '@sv-sdk/redis';
import type { Logger } from '@sv-sdk/telemetry';
import type { Counter } from 'prom-client';

/** One window of one caller. It begins with the first request and isn't moved by later ones. */
export interface Window {
  /** Counted so far, those over the limit included. */
  readonly requests: number;
  /** By `performance.now()` of this process. */
  readonly endsAtMs: number;
}

/** Counts for all instances, in Redis. */
export interface SharedCounter {
  /** Counts one request under a key. Undefined while Redis doesn't count; never rejects. */
  increment(key: string): Promise<Window | undefined>;
  close(): void;
}

/** Redis answers in well under 1 ms; past this, counting here is better than waiting. */
const COMMAND_TIMEOUT_MS = 200;
const CONNECT_TIMEOUT_MS = 2_000;
const MAX_RECONNECT_DELAY_MS = 1_000;
/** A Redis that hangs would hold up each request for COMMAND_TIMEOUT_MS: only one in this time tries again. */
const RETRY_AFTER_MS = 1_000;

/** One round trip. A key without an end (`pttl` < 0) is new. */
const INCREMENT = `
local requests = redis.call('incr', KEYS[1])
local ttl = redis.call('pttl', KEYS[1])
if ttl < 0 then
  redis.call('pexpire', KEYS[1], ARGV[1])
  ttl = tonumber(ARGV[1])
end
return {requests, ttl}
`;

/**
 * Connects in the background, by a connection of its own: its time limit and its pause after a failure concern
 * no other use of Redis. `unshared` counts the requests that Redis did not.
 */
export function createSharedCounter(options: {
  url: string;
  windowMs: number;
  logger: Logger;
  unshared: Counter;
  commandTimeoutMs?: number;
}): SharedCounter {
  const { logger, windowMs } = options;
  const redis = openRedisClient(options.url, {
    connectionName: 'sv-rate-limits',
    commandTimeout: options.commandTimeoutMs ?? COMMAND_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryDelayMs: (attempt) => Math.min(attempt * 50, MAX_RECONNECT_DELAY_MS),
  });

  // ioredis reports every failed reconnect; only the change is worth a line.
  let isAway = false;
  let retryAtMs = 0;
  const failed = (error: unknown) => {
    if (!isAway) logger.warn({ err: error }, 'rate limits are counted per instance');
    isAway = true;
  };
  const succeeded = () => {
    if (isAway) logger.info('rate limits are shared again');
    isAway = false;
    retryAtMs = 0;
  };
  redis.on('error', failed);

  return {
    async increment(key) {
      const sentAtMs = performance.now();
      if (redis.status !== 'ready' || sentAtMs < retryAtMs) {
        options.unshared.inc();
        return undefined;
      }
      if (isAway) retryAtMs = sentAtMs + RETRY_AFTER_MS;
      try {
        const [requests, ttlMs] = (await redis.eval(INCREMENT, 1, key, windowMs)) as [number, number];
        succeeded();
        // From before the question, so that a window never ends later here than in Redis.
        return { requests, endsAtMs: sentAtMs + ttlMs };
      } catch (error) {
        options.unshared.inc();
        failed(error);
        retryAtMs = performance.now() + RETRY_AFTER_MS;
        return undefined;
      }
    },
    close: () => redis.disconnect(),
  };
}
