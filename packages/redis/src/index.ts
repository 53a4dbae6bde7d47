export {
  type ConnectionOptions,
  isCluster,
  nameOf,
  nodesOf,
  openRedisClient,
  primariesOf,
  type RedisClient,
} from './client.ts';
export { parseRedisUrl, REDIS_URL_EXPECTED, type RedisAddress } from './url.ts';
