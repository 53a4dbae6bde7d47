/** For tests: the whole app on a real database of the test's own, called over HTTP. */
import {
  createApiKeyUsage,
  createAuth,
  hashPassword,
  insertUser,
  type LoginLimits,
  type UserRow,
} from '@sv-sdk/auth';
import { type Cache, createCache } from '@sv-sdk/cache';
import { createDatabase, type Database } from '@sv-sdk/db';
import { createTestDatabase, type TestDatabase } from '@sv-sdk/db/testing';
import { createTemplateCompiler, createTemplateStore, seedTemplates } from '@sv-sdk/email';
import { createPermissionStore } from '@sv-sdk/permissions';
import { createLogger } from '@sv-sdk/telemetry';
import { Registry } from 'prom-client';
import { inject, onTestFinished } from 'vitest';
import { createQueueBoard } from '../admin/queue-board.ts';
import { createApp } from '../app.ts';
import type { Endpoint } from '../endpoint/endpoint.ts';
import { createIdempotency } from '../endpoint/idempotency.ts';
import { type OverloadLimits, startOverload } from '../overload/overload.ts';
import { createRateLimits, type Limits } from '../rate-limits/rate-limits.ts';
import { type Check, type Readiness, startReadiness } from '../readiness.ts';
import { createRecentWrites } from '../recent-writes.ts';
import { endpoints } from '../routes/index.ts';
import { createFirstUserPages } from '../routes/users/first-page.ts';
import { createUserStore } from '../routes/users/load.ts';
import type { WebhookReceiver } from '../routes/webhooks/receiver.ts';
import { type ApiServer, startServer } from '../server.ts';
import { assertConforms } from './conformance.ts';

export const PASSWORD = 'correct horse battery';
/** What session cookies are signed with. */
export const SECRET = '0123456789abcdef'.repeat(4);
export const CORS_ORIGIN = 'https://app.example.org';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: the tests assert on the shape themselves
  readonly body: any;
}

export interface CallOptions {
  token?: string | undefined;
  apiKey?: string | undefined;
  cookie?: string | undefined;
  /** Sent as JSON; a text is sent as it is. */
  body?: unknown;
  headers?: Record<string, string>;
}

export interface TestApi {
  readonly url: string;
  readonly db: Database;
  readonly cache: Cache;
  readonly database: TestDatabase;
  readonly server: ApiServer;
  readonly readiness: Readiness;
  readonly registry: Registry;
  /** Every line that was logged, parsed. */
  readonly log: Record<string, unknown>[];
  /** One request; fails if the answer is not as OpenAPI says. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** A user with a role, written to the database directly; the password is {@link PASSWORD}. */
  addUser(options?: {
    role?: string;
    email?: string;
    name?: string;
    emailVerified?: boolean;
  }): Promise<UserRow>;
  signIn(user: { email: string }): Promise<{ token: string; cookie: string }>;
  /** A user with a role, and its bearer token. */
  addCaller(role: string): Promise<{ user: UserRow; token: string }>;
}

export interface TestApiOptions {
  baseUrl?: string;
  requireEmailVerification?: boolean;
  loginLimits?: Partial<LoginLimits>;
  more?: readonly Endpoint[];
  checks?: readonly Check[];
  /** Another instance of this one's platform: the same database and the same cache. */
  like?: TestApi;
  /** Another URL for a cache that is away, or behind a proxy. */
  cacheUrl?: string;
  cacheTimeoutMs?: number;
  /** The app's user of the database; another URL for a database that is away. */
  databaseUrl?: string;
  /** Hears how to close it; absent: at the end of the test that runs. */
  atEnd?: (close: () => Promise<void>) => void;
  /** Of email providers; without them there are none. */
  emailWebhooks?: readonly WebhookReceiver[];
  /** The queue's Redis, and whether its board may be used; without it nobody listens there. */
  queueBoard?: { url: string; isReadOnly: boolean };
  /** 0: a line for each. */
  logSuccessesPerSecond?: number;
  /** What isn't named is far above what a test does. */
  overload?: Partial<OverloadLimits>;
  rateLimits?: {
    /** What isn't named is far above what a test sends. */
    limits?: Partial<Limits>;
    windowSeconds?: number;
    /** Where they are shared; without one each app counts for itself. */
    redisUrl?: string;
  };
}

const NO_LIMIT = 1_000_000;

/** Hashing takes tens of milliseconds, and every test user has the same password. */
const passwordHash = hashPassword(PASSWORD);

/** Started for one test, and closed at its end. */
export async function startTestApi(options: TestApiOptions = {}): Promise<TestApi> {
  const log: Record<string, unknown>[] = [];
  const logger = createLogger(
    { service: 'app', version: 'test', level: 'debug' },
    { write: (line) => log.push(JSON.parse(line)) },
  );
  const registry = new Registry();
  const stack = new AsyncDisposableStack();
  (options.atEnd ?? onTestFinished)(() => stack.disposeAsync());

  const database = options.like?.database ?? (await createTestDatabase());
  if (options.like === undefined) stack.defer(() => database.drop());
  const cache = createCache({
    url: options.cacheUrl ?? inject('cacheUrl'),
    // Tests share a server and not what is in it: seeded roles have the same ids in every test's database.
    keyPrefix: `${database.name}:`,
    // A busy machine may hold up an answer of Redis for longer than production waits.
    commandTimeoutMs: options.cacheTimeoutMs ?? 5_000,
    logger,
    registry,
  });
  stack.defer(() => cache.close());
  const db = createDatabase({
    primaryUrl: options.databaseUrl ?? database.pooledUrl,
    poolMin: 0,
    poolMax: 5,
    logger,
    registry,
    recentWrites: createRecentWrites(cache),
    onStaleKeys: async (keys) => {
      await cache.publish(keys);
    },
  });
  stack.defer(() => db.close());
  const permissions = createPermissionStore({ db, cache, registry });
  const users = createUserStore({ db, cache });
  const firstUserPages = createFirstUserPages({ db, cache });
  const templates = createTemplateStore({ db, cache });
  const templateCompiler = createTemplateCompiler();
  stack.defer(() => templateCompiler.close());
  const usage = createApiKeyUsage({ db, logger });
  stack.defer(() => usage.close());
  // Sign-up and reset send mails; a database that is away has no use for them.
  if (options.databaseUrl === undefined && options.like === undefined)
    await db.withTx((tx) => seedTemplates(tx));
  const settings = {
    baseUrl: options.baseUrl ?? 'http://localhost:3000',
    linkBaseUrl: 'https://app.example.org',
    corsOrigins: [CORS_ORIGIN],
    version: 'test',
    attachmentsMaxBytes: 2 * 1024 * 1024,
    emailCosts: { ses: 0.1 },
    logSuccessesPerSecond: options.logSuccessesPerSecond ?? 0,
  };
  const auth = await createAuth({
    db,
    cache,
    permissions,
    usage,
    secrets: [SECRET],
    baseUrl: settings.baseUrl,
    requireEmailVerification: options.requireEmailVerification ?? true,
    loginLimits: { maxFailures: 10, windowSeconds: 900, lockSeconds: 900, ...options.loginLimits },
    logger,
  });
  const { limits, ...sharing } = options.rateLimits ?? {};
  const rateLimits = createRateLimits({
    limits: {
      principalPerMinute: NO_LIMIT,
      addressPerMinute: NO_LIMIT,
      signInPerMinute: NO_LIMIT,
      webhookPerMinute: NO_LIMIT,
      ...limits,
    },
    secret: SECRET,
    logger,
    registry,
    // A busy machine may hold up an answer of Redis for longer than production waits.
    commandTimeoutMs: 5_000,
    ...sharing,
  });
  stack.defer(() => rateLimits.close());
  const readiness = startReadiness({ checks: options.checks ?? [], logger, intervalMs: 10 });
  stack.defer(() => readiness.close());
  const overload = startOverload({
    limits: { eventLoopDelayMs: NO_LIMIT, poolWaiting: NO_LIMIT, ...options.overload },
    db,
    registry,
    // Whatever share is to be turned away, everything is.
    random: () => 0,
  });
  stack.defer(() => overload.close());
  const idempotency = createIdempotency({ db, secrets: [SECRET] });
  const queueBoard = createQueueBoard({
    ...(options.queueBoard ?? { url: 'redis://127.0.0.1:1', isReadOnly: true }),
    logger,
  });
  stack.defer(() => queueBoard.close());
  const app = createApp(
    {
      auth,
      db,
      permissions,
      users,
      firstUserPages,
      templates,
      templateCompiler,
      idempotency,
      logger,
      registry,
      rateLimits,
      readiness,
      overload,
      emailWebhooks: options.emailWebhooks ?? [],
      queueBoard,
      settings,
    },
    options.more,
  );
  const server = await startServer(app, { port: 0, version: settings.version, readiness });
  stack.defer(() => server.close());

  const url = `http://127.0.0.1:${server.port}`;
  const described = [...endpoints, ...(options.more ?? [])];
  const call = async (method: string, path: string, callOptions: CallOptions = {}): Promise<Answer> => {
    const response = await fetch(url + path, requestOf(method, callOptions));
    const body = await readBody(response);
    const answer = { status: response.status, headers: response.headers, body };
    if (path.startsWith('/api/') && !path.startsWith('/api/v1/openapi.json'))
      assertConforms(described, { method, path }, answer);
    return answer;
  };

  const addUser: TestApi['addUser'] = async ({ email, ...given } = {}) => {
    const hash = await passwordHash;
    return db.withTx(async (tx) => {
      const address = email ?? `${crypto.randomUUID()}@example.org`;
      const user = await insertUser(tx, {
        email: address,
        name: 'Test User',
        role: 'user',
        emailVerified: true,
        ...given,
        passwordHash: hash,
        grantedBy: null,
      });
      if (user === undefined) throw new Error(`${address} is taken`);
      return user;
    });
  };
  const signIn: TestApi['signIn'] = async ({ email }) => {
    const answer = await call('POST', '/api/v1/auth/login', { body: { email, password: PASSWORD } });
    if (answer.status !== 200) throw new Error(`signing in was answered with ${JSON.stringify(answer.body)}`);
    const cookie = answer.headers.getSetCookie()[0]?.split(';', 1)[0] ?? '';
    return { token: answer.body.data.token, cookie };
  };
  const addCaller: TestApi['addCaller'] = async (role) => {
    const user = await addUser({ role });
    return { user, token: (await signIn(user)).token };
  };
  return { url, db, cache, database, server, readiness, registry, log, call, addUser, signIn, addCaller };
}

/** A streamed answer is a text. */
function readBody(response: Response): Promise<unknown> {
  const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
  return isJson && !response.headers.has('content-disposition') ? response.json() : response.text();
}

function requestOf(method: string, options: CallOptions): RequestInit {
  const { token, apiKey, cookie, body } = options;
  return {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(apiKey !== undefined && { 'x-api-key': apiKey }),
      ...(cookie !== undefined && { cookie }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...options.headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  };
}
