/** The cache and the queue's Redis, and the cache as the processes see it. */
import type { Page } from '../page.ts';
import { stat, table, timeSeries } from '../panels.ts';
import { cacheHits } from '../shared-panels.ts';
import {
  BYTES,
  BYTES_PER_SECOND,
  COUNT,
  COUNT_PER_SECOND,
  OPERATIONS_PER_SECOND,
  RATIO,
  SECONDS,
} from '../units.ts';

const INSTANCE = 'instance=~"$instance"';

export const redis: Page = {
  uid: 'sv-redis',
  title: 'Redis',
  description:
    'The cache, which may evict, and the queue, which must not; and the cache as apps and workers see it.',
  variables: [{ name: 'instance', label: 'Server', values: 'label_values(redis_up, instance)' }],
  rows: [
    {
      title: 'Servers',
      panels: [
        table({
          title: 'Servers',
          description:
            'Each server with its role here and what it does when it is full: the cache evicts, the queue must say `noeviction`.',
          unit: COUNT,
          columns: 16,
          queries: [{ expr: `redis_instance_info{${INSTANCE}}`, legend: '{{instance}}' }],
          labels: ['instance', 'role', 'maxmemory_policy', 'redis_version'],
          runbooksOf: ['QueueRedisPolicyWrong'],
        }),
        stat({
          title: 'Up',
          isTall: true,
          description: 'Whether each server answers its exporter.',
          unit: COUNT,
          queries: [{ expr: `redis_up{${INSTANCE}}`, legend: '{{instance}}' }],
          words: { '0': 'down', '1': 'up' },
          showsNames: true,
          runbooksOf: ['InstanceDown'],
        }),
      ],
    },
    {
      title: 'Memory',
      panels: [
        timeSeries({
          title: 'Memory',
          description:
            'The share of maxmemory that each server uses. A full cache evicts; a full queue refuses jobs.',
          unit: RATIO,
          columns: 6,
          queries: [{ expr: `instance:redis_memory_used:ratio{${INSTANCE}}`, legend: '{{instance}}' }],
          alerts: ['RedisMemoryHigh'],
        }),
        timeSeries({
          title: 'Memory in bytes',
          description: 'What each server uses, and its maxmemory.',
          unit: BYTES,
          columns: 6,
          queries: [
            { expr: `redis_memory_used_bytes{${INSTANCE}}`, legend: '{{instance}} used' },
            { expr: `redis_memory_max_bytes{${INSTANCE}}`, legend: '{{instance}} most' },
          ],
        }),
        timeSeries({
          title: 'Keys',
          description: 'Keys that each server holds.',
          unit: COUNT,
          columns: 6,
          queries: [{ expr: `sum by (instance) (redis_db_keys{${INSTANCE}})`, legend: '{{instance}}' }],
        }),
        timeSeries({
          title: 'Keys that left',
          description:
            'Keys a second that were evicted for lack of memory, and that expired. The queue must evict none.',
          unit: COUNT_PER_SECOND,
          columns: 6,
          queries: [
            { expr: `instance:redis_evicted_keys:rate5m{${INSTANCE}}`, legend: '{{instance}} evicted' },
            {
              expr: `rate(redis_expired_keys_total{${INSTANCE}}[$__rate_interval])`,
              legend: '{{instance}} expired',
            },
          ],
          runbooksOf: ['QueueRedisEvicting'],
        }),
      ],
    },
    {
      title: 'Commands',
      panels: [
        timeSeries({
          title: 'Commands',
          description: 'Commands a second.',
          unit: OPERATIONS_PER_SECOND,
          queries: [{ expr: `instance:redis_commands:rate5m{${INSTANCE}}`, legend: '{{instance}}' }],
        }),
        timeSeries({
          title: 'Command latency, mean',
          description: 'How long a command took inside the server, on average, without the network.',
          unit: SECONDS,
          queries: [
            { expr: `instance:redis_command_duration_seconds:mean5m{${INSTANCE}}`, legend: '{{instance}}' },
          ],
        }),
        timeSeries({
          title: 'Time by command',
          description:
            'The share of the server’s time that each command takes, of the ten that take most. A server does one thing at a time, so at 100 % in sum it is full.',
          unit: RATIO,
          queries: [
            {
              expr: `topk(10, sum by (instance, cmd) (rate(redis_commands_duration_seconds_total{${INSTANCE}}[$__rate_interval])))`,
              legend: '{{instance}} {{cmd}}',
            },
          ],
        }),
        timeSeries({
          title: 'Hits',
          description:
            'The share of look-ups that found a key. What the apps have in memory never comes here.',
          unit: RATIO,
          max: 1,
          queries: [
            { expr: `instance:redis_keyspace_hits:ratio_rate5m{${INSTANCE}}`, legend: '{{instance}}' },
          ],
        }),
        timeSeries({
          title: 'Connections',
          description:
            'Clients, and those of them that wait for something to come (workers of the queue do).',
          unit: COUNT,
          queries: [
            { expr: `redis_connected_clients{${INSTANCE}}`, legend: '{{instance}}' },
            { expr: `redis_blocked_clients{${INSTANCE}}`, legend: '{{instance}} waiting' },
          ],
        }),
        timeSeries({
          title: 'Traffic',
          description: 'Bytes a second from and to the clients.',
          unit: BYTES_PER_SECOND,
          queries: [
            {
              expr: `rate(redis_net_input_bytes_total{${INSTANCE}}[$__rate_interval])`,
              legend: '{{instance}} received',
            },
            {
              expr: `rate(redis_net_output_bytes_total{${INSTANCE}}[$__rate_interval])`,
              legend: '{{instance}} sent',
            },
          ],
        }),
      ],
    },
    {
      title: 'The cache as the processes see it',
      panels: [
        cacheHits(),
        timeSeries({
          title: 'Look-ups by where they ended',
          description:
            'Values a second that were asked for: found in the process (`local`) or in Redis (`shared`), in neither (`miss`), or without an answer in time (`error`).',
          unit: COUNT_PER_SECOND,
          isStacked: true,
          queries: [
            {
              expr: 'sum by (tier, result) (rate(sv_cache_requests_total[$__rate_interval]))',
              legend: '{{tier}} {{result}}',
            },
          ],
        }),
        timeSeries({
          title: 'Oldest stale key',
          description:
            'How long the oldest key that a change made wrong has waited to be thrown out; 0 when none waits.',
          unit: SECONDS,
          queries: [{ expr: 'max(sv_stale_cache_keys_oldest_seconds)', legend: 'age' }],
          alerts: ['StaleCacheKeysWaiting'],
        }),
        stat({
          title: 'May read from memory',
          description:
            'Whether each process hears its own heartbeat over Redis’ pub/sub. One that does not asks Redis for everything.',
          unit: COUNT,
          columns: 24,
          queries: [{ expr: 'sv_cache_channel_trusted', legend: '{{job}} {{instance}}' }],
          words: { '0': 'no', '1': 'yes' },
          showsNames: true,
          alerts: ['CacheChannelUntrusted'],
        }),
      ],
    },
    {
      title: 'Redis Cluster, where its profile is on',
      panels: [
        stat({
          title: 'Slots without a node',
          description: 'Of 16,384 slots those that no node serves, as the worst informed node sees it.',
          unit: COUNT,
          columns: 12,
          queries: [{ expr: 'max(redis_cluster_slots_fail)', legend: 'slots' }],
          runbooksOf: ['RedisClusterSlotsDown'],
        }),
        stat({
          title: 'Replicas by node',
          description: 'How many replicas each primary of the cluster has.',
          unit: COUNT,
          columns: 12,
          queries: [
            {
              expr: 'redis_connected_slaves{job="redis-cluster"} and on (job, instance) redis_instance_info{job="redis-cluster", exported_role="master"}',
              legend: '{{instance}}',
            },
          ],
          showsNames: true,
          runbooksOf: ['RedisClusterReplicaMissing'],
        }),
      ],
    },
  ],
};
