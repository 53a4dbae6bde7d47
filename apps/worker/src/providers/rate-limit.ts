import type { QueueConnection } from '@sv-sdk/queue';
import { describeError, type Logger } from '@sv-sdk/telemetry';
import DataLoader from 'dataloader';

/**
 * The moments at which emails may go out stand 1/rate apart, and the next free one is kept in Redis, in µs of its clock.
 * Grants as many of ARGV[1] as begin within ARGV[3] µs, ARGV[2] µs apart; answers how many, and when the first begins.
 */
const RESERVE = `
local time = redis.call('time')
local now = time[1] * 1000000 + time[2]
local free = math.max(now, tonumber(redis.call('get', KEYS[1]) or '0'))
local wait = free - now
local granted = math.max(0, math.min(tonumber(ARGV[1]), math.floor((ARGV[3] - wait) / ARGV[2]) + 1))
if granted > 0 then
  free = free + granted * ARGV[2]
  redis.call('set', KEYS[1], string.format('%.0f', free), 'px', math.ceil((free - now) / 1000) + 1000)
end
return {granted, string.format('%.0f', wait)}
`;
const KEY_PREFIX = 'sv:email-rate:';

export interface Reservation {
  /** False: no moment was free within the time that one may wait; `waitMs` says when the next is. */
  readonly granted: boolean;
  readonly waitMs: number;
}

export interface RateLimit {
  /** Never rejects: without Redis this process keeps to the rate by itself. */
  reserve(maxWaitMs: number): Promise<Reservation>;
}

/**
 * A rate that all workers keep together. What asks in one turn of the event loop shares a round trip. Without Redis each
 * process counts by itself: no worker gets a new job then, so it concerns the few that they hold.
 */
export function createRateLimit(options: {
  connection: QueueConnection;
  name: string;
  perSecond: number;
  logger: Logger;
}): RateLimit {
  const { connection, name, perSecond, logger } = options;
  const key = `${KEY_PREFIX}${name}`;
  const intervalUs = 1_000_000 / perSecond;
  let isAlone = false;
  let freeAtUs = 0;

  async function reserveShared(
    count: number,
    maxWaitUs: number,
  ): Promise<{ granted: number; waitUs: number }> {
    const answer = await connection.eval(RESERVE, 1, key, count, intervalUs, maxWaitUs);
    const [granted, waitUs] = answer as [number, string];
    return { granted, waitUs: Number(waitUs) };
  }

  function reserveAlone(count: number, maxWaitUs: number): { granted: number; waitUs: number } {
    const nowUs = performance.now() * 1000;
    const waitUs = Math.max(0, freeAtUs - nowUs);
    const granted = Math.max(0, Math.min(count, Math.floor((maxWaitUs - waitUs) / intervalUs) + 1));
    freeAtUs = nowUs + waitUs + granted * intervalUs;
    return { granted, waitUs };
  }

  async function reserve(count: number, maxWaitUs: number): Promise<{ granted: number; waitUs: number }> {
    try {
      const reserved = await reserveShared(count, maxWaitUs);
      isAlone = false;
      return reserved;
    } catch (error) {
      // One line at the change; the connection's own failures are logged by the queue.
      if (!isAlone)
        logger.warn({ err: describeError(error), provider: name }, 'the rate limit is not shared');
      isAlone = true;
      return reserveAlone(count, maxWaitUs);
    }
  }

  const loader = new DataLoader<number, Reservation>(
    async (waitsMs) => {
      const { granted, waitUs } = await reserve(waitsMs.length, Math.min(...waitsMs) * 1000);
      return waitsMs.map((_, index) => ({
        granted: index < granted,
        waitMs: (waitUs + index * intervalUs) / 1000,
      }));
    },
    { cache: false },
  );
  return { reserve: (maxWaitMs) => loader.load(maxWaitMs) };
}
