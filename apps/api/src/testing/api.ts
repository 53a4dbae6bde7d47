/** For tests: the whole app on a real database of the test's own, called over HTTP. */
import { createAuth, hashPassword, insertUser, type UserRow } from '@sv-sdk/auth';
import { createDatabase, type Database } from '@sv-sdk/db';
import { createTestDatabase, type TestDatabase } from '@sv-sdk/db/testing';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { onTestFinished } from 'vitest';
import { createApp } from '../app.ts';
import type { Endpoint } from '../endpoint/endpoint.ts';
import { type Check, type Readiness, startReadiness } from '../readiness.ts';
import { endpoints } from '../routes/index.ts';
import { type ApiServer, startServer } from '../server.ts';
import { assertConforms } from './conformance.ts';

export const PASSWORD = 'correct horse battery';
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
  readonly database: TestDatabase;
  readonly server: ApiServer;
  readonly readiness: Readiness;
  readonly registry: Registry;
  /** Every line that was logged, parsed. */
  readonly log: Record<string, unknown>[];
  /** One request; fails if the answer is not as OpenAPI says. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** A user with a role, written to the database directly; the password is {@link PASSWORD}. */
  addUser(options?: { role?: string; email?: string; name?: string }): Promise<UserRow>;
  signIn(user: { email: string }): Promise<{ token: string; cookie: string }>;
  /** A user with a role, and its bearer token. */
  addCaller(role: string): Promise<{ user: UserRow; token: string }>;
}

export interface TestApiOptions {
  baseUrl?: string;
  more?: readonly Endpoint[];
  checks?: readonly Check[];
  /** The app's user of the database; another URL for a database that is away. */
  databaseUrl?: string;
}

/** Hashing takes tens of milliseconds, and every test user has the same password. */
const passwordHash = hashPassword(PASSWORD);

/** Started for one test, and closed at its end. */
export async function startTestApi(options: TestApiOptions = {}): Promise<TestApi> {
  const log: Record<string, unknown>[] = [];
  const logger = pino({ level: 'debug' }, { write: (line) => log.push(JSON.parse(line)) });
  const registry = new Registry();
  const stack = new AsyncDisposableStack();
  onTestFinished(() => stack.disposeAsync());

  const database = await createTestDatabase();
  stack.defer(() => database.drop());
  const db = createDatabase({
    primaryUrl: options.databaseUrl ?? database.pooledUrl,
    poolMin: 0,
    poolMax: 5,
    logger,
    registry,
  });
  stack.defer(() => db.close());
  const settings = {
    baseUrl: options.baseUrl ?? 'http://localhost:3000',
    corsOrigins: [CORS_ORIGIN],
    version: 'test',
  };
  const auth = await createAuth({
    db,
    secret: '0123456789abcdef'.repeat(4),
    baseUrl: settings.baseUrl,
    logger,
  });
  const readiness = startReadiness({ checks: options.checks ?? [], logger, intervalMs: 10 });
  stack.defer(() => readiness.close());
  const app = createApp({ auth, db, logger, registry, readiness, settings }, options.more);
  const server = await startServer(app, { port: 0, version: settings.version, readiness });
  stack.defer(() => server.close());

  const url = `http://127.0.0.1:${server.port}`;
  const described = [...endpoints, ...(options.more ?? [])];
  const call = async (method: string, path: string, callOptions: CallOptions = {}): Promise<Answer> => {
    const response = await fetch(url + path, requestOf(method, callOptions));
    const answer = { status: response.status, headers: response.headers, body: await response.json() };
    if (path.startsWith('/api/') && !path.startsWith('/api/v1/openapi.json'))
      assertConforms(described, { method, path }, answer);
    return answer;
  };

  const addUser: TestApi['addUser'] = async ({ role = 'user', email, name = 'Test User' } = {}) => {
    const hash = await passwordHash;
    return db.withTx(async (tx) => {
      const address = email ?? `${crypto.randomUUID()}@example.org`;
      const user = await insertUser(tx, { email: address, name, role, passwordHash: hash, grantedBy: null });
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
  return { url, db, database, server, readiness, registry, log, call, addUser, signIn, addCaller };
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
