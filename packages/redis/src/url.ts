/** What a URL of Redis says: one server, or a cluster by the address of any of its nodes. */
export interface RedisAddress {
  readonly isCluster: boolean;
  readonly isTls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly host: string;
  readonly port: number;
}

export const REDIS_URL_EXPECTED =
  'a URL such as redis://host:6379/0, or redis-cluster://host:6379 for a cluster (rediss:// and rediss-cluster:// with TLS)';

const DEFAULT_PORT = 6379;
const SCHEME = /^(rediss?)(-cluster)?:$/;

/** Undefined for what is no URL of Redis. */
export function parseRedisUrl(text: string): RedisAddress | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const [isRedis, scheme, cluster] = SCHEME.exec(url.protocol) ?? [];
  if (isRedis === undefined || url.hostname === '') return undefined;
  // A cluster has the database 0 and no other.
  if (cluster !== undefined && !['', '/', '/0'].includes(url.pathname)) return undefined;
  return {
    isCluster: cluster !== undefined,
    isTls: scheme === 'rediss',
    username: decode(url.username),
    password: decode(url.password),
    // An IPv6 address stands in brackets in a URL, and nowhere else.
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
  };
}

const decode = (part: string) => (part === '' ? undefined : decodeURIComponent(part));
