export { startTestRedis, type TestRedis } from './redis.ts';
export { startTestRedisCluster, type TestRedisCluster } from './redis-cluster.ts';
