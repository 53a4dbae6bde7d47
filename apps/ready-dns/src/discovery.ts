import { Resolver } from 'node:dns/promises';

/** Docker's DNS is in the same network namespace and answers in milliseconds. */
const TIMEOUT_MS = 500;

/** Answers that say "no such instance"; every other failure says nothing about the instances. */
const NONE_CODES: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA']);

/** Finds the addresses of a service; throws when the question was not answered. */
export type Discover = () => Promise<readonly string[]>;

/**
 * Asks a DNS server (`address` or `address:port`) for the A records of a service. Node asks anew each time
 * (its c-ares has the cache off), which matters: Docker's records say TTL 600. Long answers come by EDNS or
 * TCP. On an internal network Docker answers SERVFAIL for a service without containers, so that case looks
 * like a failure here and the last known instances stay.
 */
export function createDiscovery(options: { upstream: string; service: string }): Discover {
  const resolver = new Resolver({ tries: 1 });
  resolver.setServers([options.upstream]);
  return async () => {
    // Not c-ares' own `timeout`: Node looks at it by a coarse timer, and 500 ms became 1,000 (measured).
    const timeout = setTimeout(() => resolver.cancel(), TIMEOUT_MS);
    try {
      return await resolver.resolve4(options.service);
    } catch (error) {
      if (error instanceof Error && 'code' in error && NONE_CODES.has(String(error.code))) return [];
      throw error;
    } finally {
      clearTimeout(timeout);
    }
  };
}
