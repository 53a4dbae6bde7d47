import { randomUUID } from 'node:crypto';
import {
  createEmailQueue,
  createEmailWorker,
  createProducerConnection,
  createWorkerConnection,
  type EmailQueue,
  GiveUpJob,
  untilConnected,
} from '@sv-sdk/queue';
import { startTestRedis, type TestRedis } from '@sv-sdk/queue/testing';
import { createLogger } from '@sv-sdk/telemetry';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Answer, type CallOptions, startTestApi, type TestApi } from '../testing/api.ts';
import { addCredential, addRole, addUserWithRole, type Caller, cookieNameOf } from '../testing/callers.ts';

const BOARD = '/admin/queues';
const QUEUE = `${BOARD}/api/queues/emails`;
const ORIGIN = 'http://localhost:3000';
const logger = createLogger({ service: 'test', version: 'test', level: 'fatal' });

let redis: TestRedis;
let connection: ReturnType<typeof createProducerConnection>;
let queue: EmailQueue;
beforeAll(async () => {
  redis = await startTestRedis('queue');
  connection = createProducerConnection(redis.url, logger);
  await untilConnected(connection);
  queue = createEmailQueue(connection, logger);
});
afterAll(async () => {
  await queue.close();
  connection.disconnect();
  await redis.stop();
});
beforeEach(async () => {
  await queue.bull.resume();
});

const startApi = (options: { isReadOnly: boolean; url?: string }) =>
  startTestApi({ queueBoard: { url: options.url ?? redis.url, isReadOnly: options.isReadOnly } });

async function addPerson(
  api: TestApi,
  permissions: readonly string[],
  kind: 'cookie' | 'bearer' | 'api key' = 'cookie',
): Promise<Caller> {
  const cookieName = await cookieNameOf(api);
  return api.db.withTx(async (tx) => {
    const userId = await addUserWithRole(tx, await addRole(tx, randomUUID(), permissions));
    const credential = await addCredential(tx, userId, kind, { cookieName });
    return { userId, credential };
  });
}

/** As a browser on our own page asks. */
async function ask(
  api: TestApi,
  caller: Caller | undefined,
  method: string,
  path: string,
  options: CallOptions = {},
): Promise<Answer> {
  const headers = { origin: ORIGIN, ...options.headers };
  return api.call(method, path, { ...caller?.credential, ...options, headers });
}

const page = { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } };

async function auditRows(api: TestApi, pattern: string) {
  const { rows } = await api.db
    .write()
    .execute<{ event_type: string; user_id: string | null; metadata: Record<string, unknown> }>(
      sql`select event_type, user_id, metadata from audit.audit_logs where event_type like ${pattern} order by id`,
    );
  return rows;
}

const READ = ['read:any:queue'];
const CHANGE = ['read:any:queue', 'update:any:queue'];

describe('who sees the board', () => {
  test('a browser that is not signed in goes to the page for that, a program gets 401 with its record', async () => {
    const api = await startApi({ isReadOnly: true });
    const visit = await fetch(api.url + BOARD, { ...page, redirect: 'manual' });
    expect([visit.status, visit.headers.get('location')]).toEqual([303, '/admin/sign-in']);
    expect(await auditRows(api, 'access.refused')).toEqual([]);
    const called = await ask(api, undefined, 'GET', `${BOARD}/api/queues`);
    expect(called).toMatchObject({ status: 401, body: { error: { code: 'AUTHENTICATION_ERROR' } } });
    expect(await auditRows(api, 'access.refused')).toMatchObject([
      { user_id: null, metadata: { operationId: 'queueBoard', code: 'AUTHENTICATION_ERROR' } },
    ]);
  });

  test.each(['', '/api/queues', '/static/js/none.js', '/api/redis/stats'])(
    'for a person without the permission "%s" looks as if it did not exist',
    async (path) => {
      const api = await startApi({ isReadOnly: true });
      const person = await addPerson(api, ['*:own:queue', 'read:any:email']);
      const answer = await ask(api, person, 'GET', BOARD + path, page);
      const other = await addPerson(api, ['*:*:*']);
      const missing = await ask(api, other, 'GET', '/api/v1/users/00000000-0000-7000-8000-000000000000');
      expect(answer.status).toBe(404);
      expect(answer.body.error).toEqual(missing.body.error);
      expect(await auditRows(api, 'access.refused')).toMatchObject([
        { user_id: person.userId, metadata: { operationId: 'queueBoard', code: 'NOT_FOUND' } },
        {},
      ]);
    },
  );

  test('an API key is no person', async () => {
    const api = await startApi({ isReadOnly: true });
    const machine = await addPerson(api, ['*:*:*'], 'api key');
    expect(await ask(api, machine, 'GET', `${BOARD}/api/queues`)).toMatchObject({ status: 403 });
  });

  test('an administrator gets the page with its assets, under a policy that lets nothing else in', async () => {
    const api = await startApi({ isReadOnly: true });
    const admin = await api.addUser({ role: 'admin' });
    const { cookie } = await api.signIn(admin);
    const shown = await api.call('GET', BOARD, { cookie, ...page });
    expect(shown.status).toBe(200);
    const policy = shown.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'; script-src 'self'; ");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(shown.headers.get('x-powered-by')).toBeNull();
    const html = String(shown.body);
    expect(html).not.toMatch(/<script(?! defer src="static\/| id="__UI_CONFIG__" type="application\/json")/);
    const scripts = [...html.matchAll(/<script defer src="([^"]+)"/g)].map(([, path]) => path);
    expect(scripts.length).toBeGreaterThan(0);
    for (const path of scripts) {
      const asset = await api.call('GET', `${BOARD}/${path}`, { cookie });
      expect(asset.status).toBe(200);
      expect(asset.headers.get('cache-control')).toBe('private, max-age=86400');
    }
    expect((await fetch(`${api.url}${BOARD}/${scripts[0]}`)).status).toBe(401);
  });

  test('dead letters are shown with their reason, and with the way to their email', async () => {
    const api = await startApi({ isReadOnly: true });
    const person = await addPerson(api, READ);
    const id = randomUUID();
    await queue.bull.add('send', { emailSendId: id }, { jobId: id, attempts: 1 });
    const taking = createWorkerConnection(redis.url, logger);
    const send = () => Promise.reject(new GiveUpJob('550 no such user'));
    const worker = createEmailWorker({ connection: taking, concurrency: 1, handlers: { send }, logger });
    await expect.poll(async () => (await queue.bull.getJob(id))?.failedReason).toBe('550 no such user');
    await worker.close();
    taking.disconnect();
    const { body } = await ask(api, person, 'GET', `${BOARD}/api/queues?activeQueue=emails&status=failed`);
    const job = body.queues[0].jobs.find((candidate: { id: string }) => candidate.id === id);
    expect(job).toMatchObject({
      failedReason: '550 no such user',
      stacktrace: [expect.stringMatching(/^\w+: 550 no such user$/)],
      data: { emailSendId: id },
      externalUrl: { href: `/api/v1/emails/${id}` },
    });
  });
});

describe('who changes something', () => {
  test('by default nobody, and the board says so', async () => {
    const api = await startApi({ isReadOnly: true });
    const person = await addPerson(api, ['*:*:*']);
    const { body } = await ask(api, person, 'GET', `${BOARD}/api/queues`);
    expect(body.queues).toMatchObject([{ name: 'emails', readOnlyMode: true, allowRetries: false }]);
    const answer = await ask(api, person, 'PUT', `${QUEUE}/pause`);
    // The board's page shows `message` to the person.
    const message = 'The board is read-only: QUEUE_BOARD_READ_ONLY says so.';
    expect(answer).toMatchObject({
      status: 403,
      body: { success: false, error: { code: 'PERMISSION_DENIED', message }, message },
    });
    expect(await queue.bull.isPaused()).toBe(false);
    expect(await auditRows(api, 'queue.%')).toEqual([]);
    expect(await auditRows(api, 'access.refused')).toMatchObject([{ user_id: person.userId }]);
  });

  test('where it is allowed, nobody without the permission', async () => {
    const api = await startApi({ isReadOnly: false });
    const person = await addPerson(api, READ);
    const { body } = await ask(api, person, 'GET', `${BOARD}/api/queues`);
    expect(body.queues).toMatchObject([{ readOnlyMode: true }]);
    expect(await ask(api, person, 'PUT', `${QUEUE}/pause`)).toMatchObject({ status: 403 });
    expect(await queue.bull.isPaused()).toBe(false);
    expect(await auditRows(api, 'queue.%')).toEqual([]);
  });

  test('who may, and each change has its audit row', async () => {
    const api = await startApi({ isReadOnly: false });
    const person = await addPerson(api, CHANGE);
    const { body } = await ask(api, person, 'GET', `${BOARD}/api/queues`);
    expect(body.queues).toMatchObject([{ readOnlyMode: false }]);
    const change = async (path: string, sent?: unknown) =>
      (await ask(api, person, 'PUT', path, sent === undefined ? {} : { body: sent })).status;

    expect(await change(`${QUEUE}/pause`)).toBe(200);
    expect(await queue.bull.isPaused()).toBe(true);
    expect(await change(`${BOARD}/api/queues/resume`)).toBe(200);
    expect(await queue.bull.isPaused()).toBe(false);
    expect(await change(`${QUEUE}/concurrency`, { concurrency: 7 })).toBe(200);
    expect(await queue.bull.getGlobalConcurrency()).toBe(7);
    expect(await change(`${QUEUE}/concurrency`, { concurrency: 0 })).toBe(200);
    const id = randomUUID();
    await queue.bull.add('send', { emailSendId: id }, { jobId: id });
    expect(await change(`${QUEUE}/${id}/clean`)).toBe(204);
    expect(await queue.bull.getJob(id)).toBeUndefined();

    const rows = await auditRows(api, 'queue.%');
    expect(rows.map(({ event_type, metadata }) => [event_type, metadata])).toEqual([
      ['queue.paused', { queue: 'emails', by: 'queue board' }],
      ['queue.resumed', { by: 'queue board' }],
      ['queue.concurrency_set', { queue: 'emails', concurrency: 7, by: 'queue board' }],
      ['queue.concurrency_set', { queue: 'emails', concurrency: 0, by: 'queue board' }],
      ['queue.job_removed', { queue: 'emails', jobId: id, by: 'queue board' }],
    ]);
    expect(new Set(rows.map(({ user_id }) => user_id))).toEqual(new Set([person.userId]));
  });

  test.each([
    ['POST', `${QUEUE}/add`, { name: 'send', data: { emailSendId: randomUUID() }, options: {} }],
    ['PUT', `${QUEUE}/obliterate`, { force: true }],
    ['PUT', `${QUEUE}/empty`, undefined],
    ['PUT', `${QUEUE}/retry/failed`, undefined],
    ['PUT', `${QUEUE}/${randomUUID()}/retry`, undefined],
    ['PATCH', `${QUEUE}/${randomUUID()}/update-data`, { jobData: {} }],
    ['PATCH', `${QUEUE}/${randomUUID()}/delay`, { delay: 1 }],
    ['DELETE', QUEUE, undefined],
  ])('not even they: %s %s', async (method, path, body) => {
    const api = await startApi({ isReadOnly: false });
    const person = await addPerson(api, CHANGE);
    const before = await queue.bull.getJobCounts();
    const answer = await ask(api, person, method, path, body === undefined ? {} : { body });
    expect(answer).toMatchObject({ status: 403, body: { error: { code: 'PERMISSION_DENIED' } } });
    expect(await queue.bull.getJobCounts()).toEqual(before);
    expect(await auditRows(api, 'queue.%')).toEqual([]);
  });

  test('no other site, through the browser of somebody who may', async () => {
    const api = await startApi({ isReadOnly: false });
    const person = await addPerson(api, CHANGE);
    const headers = { origin: 'https://evil.example' };
    expect(await ask(api, person, 'PUT', `${QUEUE}/pause`, { headers })).toMatchObject({ status: 403 });
    expect(await queue.bull.isPaused()).toBe(false);
  });
});

test('without its Redis the board says so at once, nothing is recorded as changed, and the API serves on', async () => {
  const api = await startApi({ isReadOnly: false, url: 'redis://127.0.0.1:1' });
  const person = await addPerson(api, CHANGE);
  expect((await ask(api, person, 'GET', BOARD, page)).status).toBe(200);
  const [listed, paused] = await Promise.all([
    ask(api, person, 'GET', `${BOARD}/api/queues`),
    ask(api, person, 'PUT', `${QUEUE}/pause`),
  ]);
  for (const answer of [listed, paused]) {
    expect(answer).toMatchObject({ status: 503, body: { error: { code: 'SERVICE_UNAVAILABLE' } } });
  }
  expect(await auditRows(api, 'queue.%')).toEqual([]);
  expect((await api.call('GET', '/health/live')).status).toBe(200);
});

test('visits count for the person, as calls of the API do', async () => {
  const api = await startTestApi({
    queueBoard: { url: redis.url, isReadOnly: true },
    rateLimits: { limits: { principalPerMinute: 3 } },
  });
  const person = await addPerson(api, READ);
  const statuses: number[] = [];
  for (let visit = 0; visit < 5; visit += 1)
    statuses.push((await ask(api, person, 'GET', BOARD, page)).status);
  expect(statuses).toEqual([200, 200, 200, 429, 429]);
});

describe('the page to sign in on', () => {
  test('runs no script but ours, and /admin leads to the board', async () => {
    const api = await startApi({ isReadOnly: true });
    const { headers, body } = await api.call('GET', '/admin/sign-in');
    expect(headers.get('content-security-policy')).toContain(
      "default-src 'none'; script-src 'self'; style-src 'self'",
    );
    expect(headers.get('content-security-policy')).not.toContain('unsafe');
    expect(body).not.toMatch(/<script>|<style|\son\w+=|style=/);
    for (const path of ['/admin/sign-in.js', '/admin/sign-in.css']) {
      expect(body).toContain(`"${path}"`);
      expect((await api.call('GET', path)).status).toBe(200);
    }
    const start = await fetch(`${api.url}/admin`, { redirect: 'manual' });
    expect([start.status, start.headers.get('location')]).toEqual([303, BOARD]);
  });
});
