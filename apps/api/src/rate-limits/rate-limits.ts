import { createHash, createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Principal } from '@sv-sdk/auth';
import type { Logger } from '@sv-sdk/telemetry';
import type { Response } from 'express';
import { LRUCache } from 'lru-cache';
import { Counter as Metric, type Registry } from 'prom-client';
import type { Access } from '../endpoint/endpoint.ts';
import { ApiError } from '../errors.ts';
import { createCounter } from './counter.ts';
import { networkOf } from './network.ts';
import { createSharedCounter, type SharedCounter, type Window } from './shared-counter.ts';

/** Requests a minute. */
export interface Limits {
  /** Of a user, over all of their sessions and API keys; a key with a limit of its own counts by itself. */
  readonly principalPerMinute: number;
  /** Of an address, with what names no valid credential. */
  readonly addressPerMinute: number;
  /** Of an address, on the routes that check passwords or send mail; whoever asks. */
  readonly signInPerMinute: number;
  /** Of an address, on the webhooks of email providers. */
  readonly webhookPerMinute: number;
}

/** Counts the request and sets its `RateLimit` headers; rejects with RATE_LIMIT_EXCEEDED. */
export type CountRequest = (principal?: Principal) => Promise<void>;

export interface RateLimits {
  /**
   * The beginning of every limited request. Throws RATE_LIMIT_EXCEEDED at once where this process knows that
   * the caller is over the limit: neither Redis nor Postgres is asked. Else gives what counts the request, to be
   * called once, when it is known who asks; without a principal it counts for the address.
   */
  admit(
    request: { headers: IncomingHttpHeaders; ipAddress: string },
    response: Response,
    endpoint: { access: Access; limit?: 'signIn' | 'webhook' },
  ): CountRequest;
  close(): Promise<void>;
}

/** The names of the policies in the headers, and of the label `class`. */
type Class = 'principal' | 'address' | 'sign-in' | 'webhook';
/** Of those that count an address, whoever asks. */
const CLASS_OF_LIMIT = { signIn: 'sign-in', webhook: 'webhook' } as const satisfies Record<string, Class>;

/** Who a request counts for. */
interface Subject {
  readonly class: Class;
  /** Within its class, in this process. */
  readonly id: string;
  readonly key: string;
  /** Requests in a window. */
  readonly limit: number;
}

const WINDOW_SECONDS = 60;
/** Credentials that were good lately; a hash and a subject each. */
const MOST_CREDENTIALS = 10_000;
/** 128 bits: no two networks share a count. */
const ADDRESS_HASH_LENGTH = 22;

/**
 * Limits per principal and per address, shared by all instances through Redis and kept per instance while it is
 * away. Without `redisUrl` they are per instance only. `secret` keys the hash under which addresses are counted.
 */
export function createRateLimits(options: {
  limits: Limits;
  secret: string;
  redisUrl?: string;
  logger: Logger;
  registry: Registry;
  /** Of a window, for tests. */
  windowSeconds?: number;
  /** How long Redis may take, for tests. */
  commandTimeoutMs?: number;
}): RateLimits {
  const { limits, registry, windowSeconds = WINDOW_SECONDS } = options;
  const refused = new Metric({
    name: 'sv_rate_limited_total',
    help: 'Requests refused with 429, by class of limit.',
    labelNames: ['class'],
    registers: [registry],
  });
  const unshared = new Metric({
    name: 'sv_rate_limit_errors_total',
    help: 'Requests that were counted by this instance alone, because Redis did not answer.',
    registers: [registry],
  });
  const windowMs = windowSeconds * 1000;
  const { redisUrl: url, ...rest } = options;
  const shared = url === undefined ? NOT_SHARED : createSharedCounter({ ...rest, url, windowMs, unshared });
  // One memory each: a flood from many addresses pushes no principal out.
  const counters = {
    principal: createCounter({ shared, windowMs }),
    address: createCounter({ shared, windowMs }),
    'sign-in': createCounter({ shared, windowMs }),
    webhook: createCounter({ shared, windowMs }),
  } satisfies Record<Class, unknown>;
  const knownCredentials = new LRUCache<string, Subject>({ max: MOST_CREDENTIALS });

  const subjectOfPrincipal = (principal: Principal): Subject => {
    const { userId, credentialId } = principal;
    const own = principal.rateLimitPerMinute ?? undefined;
    return own === undefined
      ? { class: 'principal', id: userId, key: `rate_limit:user:${userId}`, limit: limits.principalPerMinute }
      : { class: 'principal', id: credentialId, key: `rate_limit:api_key:${credentialId}`, limit: own };
  };
  const limitOfAddress = {
    address: limits.addressPerMinute,
    'sign-in': limits.signInPerMinute,
    webhook: limits.webhookPerMinute,
  };
  const subjectOfAddress = (className: keyof typeof limitOfAddress, ipAddress: string): Subject => {
    const id = networkOf(ipAddress);
    // An address is personal data, and 2^32 plain hashes are tried within seconds.
    const hash = createHmac('sha256', options.secret).update(`rate_limit:${id}`).digest('base64url');
    return {
      class: className,
      id,
      key: `rate_limit:${className}:${hash.slice(0, ADDRESS_HASH_LENGTH)}`,
      limit: limitOfAddress[className],
    };
  };

  const refuse = (response: Response, subject: Subject, window: Window): never => {
    const seconds = describe(response, subject, window, windowSeconds);
    refused.inc({ class: subject.class });
    throw new ApiError('RATE_LIMIT_EXCEEDED', `Too many requests. Try again in ${seconds} s.`, {
      retryAfterSeconds: seconds,
    });
  };
  const refuseKnown = (response: Response, subject: Subject): void => {
    const window = counters[subject.class].known(subject.id);
    if (window !== undefined && window.requests >= subject.limit) refuse(response, subject, window);
  };

  return {
    admit({ headers, ipAddress }, response, { access, limit }) {
      const byLimit = limit === undefined ? undefined : subjectOfAddress(CLASS_OF_LIMIT[limit], ipAddress);
      const credential = access === 'public' || byLimit !== undefined ? undefined : fingerprintOf(headers);
      const byCredential = credential === undefined ? undefined : knownCredentials.get(credential);
      const expected = byLimit ?? byCredential ?? subjectOfAddress('address', ipAddress);
      refuseKnown(response, expected);

      return async (principal) => {
        const recognised = principal && subjectOfPrincipal(principal);
        if (credential !== undefined) {
          if (recognised === undefined) knownCredentials.delete(credential);
          else knownCredentials.set(credential, recognised);
        }
        const subject = byLimit ?? recognised ?? subjectOfAddress('address', ipAddress);
        refuseKnown(response, subject);
        const window = await counters[subject.class].count(subject.id, subject.key);
        if (window.requests > subject.limit) refuse(response, subject, window);
        describe(response, subject, window, windowSeconds);
      };
    },
    close: async () => shared.close(),
  };
}

/**
 * Acts while the request is still being counted, so that both cost one round trip together; the verdict wins. For
 * what only reads.
 */
export async function actUnderVerdict<T>(verdict: Promise<void>, act: () => Promise<T>): Promise<T> {
  // Both are waited for, also when act throws at once: nothing goes on after its answer, no rejection is left alone.
  const [counted, acted] = await Promise.allSettled([verdict, (async () => act())()]);
  if (counted.status === 'rejected') throw counted.reason;
  if (acted.status === 'rejected') throw acted.reason;
  return acted.value;
}

const NOT_SHARED: SharedCounter = { increment: async () => undefined, close: () => {} };

/**
 * Sets draft-ietf-httpapi-ratelimit-headers-10's fields (structured fields, RFC 9651); returns the seconds until
 * the window ends.
 */
function describe(response: Response, subject: Subject, window: Window, windowSeconds: number): number {
  const seconds = Math.max(1, Math.ceil((window.endsAtMs - performance.now()) / 1000));
  const remaining = Math.max(0, subject.limit - window.requests);
  response.set({
    'RateLimit-Policy': `"${subject.class}";q=${subject.limit};w=${windowSeconds}`,
    RateLimit: `"${subject.class}";r=${remaining};t=${seconds}`,
  });
  return seconds;
}

/** Tells credentials apart without keeping them, by what authentication looks at, in its order. */
function fingerprintOf(headers: IncomingHttpHeaders): string | undefined {
  const sent = headers['x-api-key'] ?? headers.authorization ?? headers.cookie;
  return sent === undefined ? undefined : createHash('sha256').update(String(sent)).digest('base64');
}
