/** The two Redis: the queue, with the outbox before it, and the cache. */
import { randomUUID } from 'node:crypto';
import { clientOf, signIn } from '../client.ts';
import { shellOrThrow } from '../stack.ts';
import { askRedis, email, emptyQueue, pause, type Room, read, stopping } from './cause.ts';

export const queue: Room = {
  name: 'the queue and the cache',
  causes: [
    [
      'the queue is paused, and very many emails come',
      {
        alerts: ['QueueDepthHigh', 'ScaleWorkerDepth', 'QueuePaused'],
        beginsAfterStart: true,
        start: async () => {
          await shellOrThrow('make sdk ARGS="email pause"');
          await email(10_500);
        },
        end: async () => {
          await emptyQueue();
          await shellOrThrow('make sdk ARGS="email resume"');
        },
      },
    ],
    [
      'the queue is away',
      {
        alerts: ['OutboxStuck', 'InstanceDown'],
        ...stopping('redis-queue'),
        // What comes meanwhile has to go out afterwards, by the few that the catcher of mail takes a second.
        traffic: async () => {
          await email(1);
          await pause(1_000);
        },
      },
    ],
    [
      'the queue may evict, and is full',
      {
        alerts: ['QueueRedisPolicyWrong', 'QueueRedisEvicting', 'RedisMemoryHigh'],
        start: async () => {
          await askRedis('redis-queue', 'config set maxmemory-policy allkeys-lru');
          // Redis evicts between scripts, not within one: what a single one wrote would be past the container's memory.
          for (let batch = 0; batch < 20; batch += 1) {
            await askRedis(
              'redis-queue',
              `eval "for i=1,100 do redis.call(\\"set\\",\\"filler:${batch}:\\"..i,string.rep(\\"x\\",262144)) end" 0`,
            );
          }
        },
        end: async () => {
          await askRedis('redis-queue', 'config set maxmemory-policy noeviction');
          await askRedis(
            'redis-queue',
            'eval "for batch=0,19 do for i=1,100 do redis.call(\\"del\\",\\"filler:\\"..batch..\\":\\"..i) end end" 0',
          );
        },
      },
    ],
    [
      'the cache is away, and something changes',
      {
        alerts: ['CacheChannelUntrusted', 'StaleCacheKeysWaiting', 'RateLimitsNotShared'],
        ...stopping('redis'),
        traffic: async () => {
          await read();
          await clientOf({ token: await signIn() }).post('/api/v1/users', {
            body: { email: `${randomUUID()}@example.org`, name: 'Ada', password: `pass-${randomUUID()}` },
          });
        },
      },
    ],
  ],
};
