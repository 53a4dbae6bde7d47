import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { recordAudit } from '@sv-sdk/audit';
import { createDatabase } from '@sv-sdk/db';
import { sql } from 'drizzle-orm';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';
import { COUNT_CAP } from '../../pagination.ts';
import { startTestApi, type TestApi } from '../../testing/api.ts';

const PATH = '/api/v1/audit';
const EXPORT = `${PATH}/export`;

/** Rows x1…, a second apart, the last of them an hour ago; `size` is of the metadata, in characters. */
async function addRows(api: TestApi, rows: number, size = 10): Promise<void> {
  await api.db.write().execute(sql`
    insert into audit.audit_logs (id, created_at, event_type, user_id, ip_address, metadata)
    select 'x' || i, now() - interval '1 hour' - make_interval(secs => ${rows}::int - i),
      (array['auth.login', 'auth.logout', 'user.updated'])[1 + i % 3], 'u' || i % 5, '192.0.2.1',
      jsonb_build_object('text', repeat('x', ${size}::int))
    from generate_series(1, ${rows}::int) i`);
}

const idsOf = (answer: { body: { data: { id: string }[] } }) => answer.body.data.map(({ id }) => id);

test('rows come newest first, with what they say', async () => {
  const api = await startTestApi();
  const { user, token } = await api.addCaller('admin');
  const created = await api.call('POST', '/api/v1/users', {
    token,
    body: { email: 'ada@example.org', name: 'Ada', password: 'correct horse battery' },
  });
  const { status, body } = await api.call('GET', `${PATH}?eventType=user.created&userId=${user.id}`, {
    token,
  });
  expect(status).toBe(200);
  expect(body.data).toEqual([
    {
      id: expect.any(String),
      createdAt: expect.any(String),
      eventType: 'user.created',
      userId: user.id,
      ipAddress: '127.0.0.1',
      metadata: expect.objectContaining({ targetUserId: created.body.data.id }),
      piiMasked: true,
      sequence: null,
      hash: null,
    },
  ]);
  expect(JSON.stringify(body)).not.toContain('ada@example.org');
});

test('pages and cursors both lead through all rows of a filter, each once', async () => {
  const api = await startTestApi();
  await addRows(api, 60);
  const { token } = await api.addCaller('admin');
  const query = `${PATH}?eventType=auth.*&userId=u1&pageSize=3`;
  const wanted = Array.from({ length: 60 }, (_, i) => 60 - i).filter((i) => i % 5 === 1 && i % 3 !== 2);
  const byPage: string[] = [];
  for (let page = 1; ; page += 1) {
    const answer = await api.call('GET', `${query}&page=${page}`, { token });
    byPage.push(...idsOf(answer));
    expect(answer.body.pagination).toMatchObject({
      totalCount: wanted.length,
      totalCountIsExact: true,
      page,
    });
    if (!answer.body.pagination.hasNextPage) break;
  }
  const byCursor: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const answer = await api.call('GET', cursor === '' ? query : `${query}&cursor=${cursor}`, { token });
    byCursor.push(...idsOf(answer));
    cursor = answer.body.pagination.nextCursor;
    // What comes in meanwhile is newer than where we are.
    await api.db.withTx((tx) => recordAudit(tx, { eventType: 'auth.login', userId: 'u1', ipAddress: null }));
  }
  expect(byPage).toEqual(wanted.map((i) => `x${i}`));
  expect(byCursor).toEqual(byPage);
});

test('a period has its beginning in it, and not its end', async () => {
  const api = await startTestApi();
  await addRows(api, 10);
  const { token } = await api.addCaller('admin');
  const all = await api.call('GET', `${PATH}?userId=u1`, { token });
  const [newest, oldest] = all.body.data;
  expect(idsOf(all)).toEqual(['x6', 'x1']);
  const period = (from: string, to: string) =>
    api.call('GET', `${PATH}?userId=u1&from=${from}&to=${to}`, { token });
  expect(idsOf(await period(oldest.createdAt, newest.createdAt))).toEqual(['x1']);
  expect(idsOf(await period(newest.createdAt, '2999-01-01T00:00:00%2B02:00'))).toEqual(['x6']);
  expect(idsOf(await period(newest.createdAt, oldest.createdAt))).toEqual([]);
});

test('rows beyond the cap are not counted', async () => {
  const api = await startTestApi();
  await addRows(api, COUNT_CAP + 200);
  const { token } = await api.addCaller('admin');
  const { body } = await api.call('GET', PATH, { token });
  expect(body.pagination).toMatchObject({
    totalCount: COUNT_CAP,
    totalCountIsExact: false,
    hasNextPage: true,
  });
});

test.each([
  ['eventType=auth.%25', 'eventType'],
  ['eventType=*', 'eventType'],
  ['eventType=auth*', 'eventType'],
  ["eventType=a'b", 'eventType'],
  ['eventType=a%00', 'eventType'],
  ['userId=a%20b', 'userId'],
  ['from=yesterday', 'from'],
  ['from=0000-01-01T00:00:00Z', 'from'],
  ['to=9999-12-31T23:59:59-12:00', 'to'],
  ['to=', 'to'],
  ['cursor=x', 'cursor'],
  ['pageSize=101', 'pageSize'],
  ['page=100000&pageSize=100', 'page'],
  ['metadata=x', 'metadata'],
])('%s is refused with its name', async (query, field) => {
  const api = await startTestApi();
  const { token } = await api.addCaller('admin');
  const answer = await api.call('GET', `${PATH}?${query}`, { token });
  expect(answer).toMatchObject({ status: 400, body: { error: { code: 'VALIDATION_ERROR', field } } });
});

test('a cursor is refused with other filters', async () => {
  const api = await startTestApi();
  await addRows(api, 10);
  const { token } = await api.addCaller('admin');
  const { body } = await api.call('GET', `${PATH}?pageSize=2&eventType=auth.*`, { token });
  const other = `${PATH}?pageSize=2&cursor=${body.pagination.nextCursor}`;
  expect((await api.call('GET', other, { token })).status).toBe(400);
  expect((await api.call('GET', `${other}&eventType=auth.*`, { token })).status).toBe(200);
});

test.each(['manager', 'user', 'load_test'])('%s may neither read nor export the log', async (role) => {
  const api = await startTestApi();
  const { token } = await api.addCaller(role);
  for (const path of [PATH, EXPORT, `${EXPORT}?format=json`]) {
    const { status, headers, body } = await api.call('GET', path, { token });
    expect({ status, code: body.error.code }).toEqual({ status: 403, code: 'PERMISSION_DENIED' });
    expect(headers.get('content-disposition')).toBeNull();
  }
  expect((await api.call('GET', PATH)).status).toBe(401);
});

test('an export has the rows of the list, in both formats, and leaves a row itself', async () => {
  const api = await startTestApi();
  await addRows(api, 2_500);
  const { user, token } = await api.addCaller('admin');
  const filter = 'eventType=auth.*&userId=u1';
  const csv = await api.call('GET', `${EXPORT}?${filter}`, { token });
  expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8');
  expect(csv.headers.get('content-disposition')).toMatch(/^attachment; filename=audit-[\dT-]+\.csv$/);
  const lines = String(csv.body).trimEnd().split('\r\n');
  const json = await api.call('GET', `${EXPORT}?${filter}&format=json`, { token });
  expect(json.headers.get('content-type')).toBe('application/json; charset=utf-8');
  const rows: { id: string }[] = JSON.parse(json.body);
  const wanted = Array.from({ length: 2_500 }, (_, i) => 2_500 - i).filter((i) => i % 5 === 1 && i % 3 !== 2);
  expect(rows.map(({ id }) => id)).toEqual(wanted.map((i) => `x${i}`));
  expect(lines.slice(1).map((line) => line.split(',')[0])).toEqual(rows.map(({ id }) => id));
  const listed = await api.call('GET', `${PATH}?${filter}&pageSize=100`, { token });
  expect(rows.slice(0, 100)).toEqual(listed.body.data);

  const left = await api.call('GET', `${PATH}?eventType=audit.exported`, { token });
  expect(left.body.data).toMatchObject([
    { userId: user.id, metadata: { format: 'json', eventType: 'auth.*', userId: 'u1' } },
    { userId: user.id, metadata: { format: 'csv', eventType: 'auth.*', userId: 'u1' } },
  ]);
});

test('an export that cannot leave its row does not begin', async () => {
  const api = await startTestApi();
  const { token } = await api.addCaller('admin');
  const owner = createDatabase({
    primaryUrl: api.database.directUrl,
    poolMin: 0,
    poolMax: 1,
    logger: pino({ level: 'silent' }),
    registry: new Registry(),
  });
  onTestFinished(() => owner.close());
  await owner.write().execute(sql`revoke insert on audit.audit_logs from sv_app`);
  const { status, headers } = await api.call('GET', EXPORT, { token });
  expect(status).toBe(500);
  expect(headers.get('content-disposition')).toBeNull();
});

test('an export of a filter that nothing matches is whole', async () => {
  const api = await startTestApi();
  const { token } = await api.addCaller('admin');
  const answer = (format: string) => api.call('GET', `${EXPORT}?eventType=no.*&format=${format}`, { token });
  expect(JSON.parse((await answer('json')).body)).toEqual([]);
  expect(String((await answer('csv')).body).split('\r\n')).toHaveLength(2);
  expect((await answer('xml')).status).toBe(400);
});

const MIB = 1024 ** 2;
/** What is still held, after what isn't any more has been let go. */
const heldBytes = (() => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  return () => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
})();

test.each(['csv', 'json'])(
  'an export of 250,000 rows as %s to a slow reader is held in less than 32 MiB',
  async (format) => {
    const api = await startTestApi();
    await addRows(api, 250_000, 400);
    const { token } = await api.addCaller('admin');
    const before = heldBytes();
    const url = `${api.url}${EXPORT}?format=${format}`;
    const [response] = (await once(
      get(url, { headers: { authorization: `Bearer ${token}` } }),
      'response',
    )) as [IncomingMessage];
    let [received, lines, most, chunks] = [0, 0, 0, 0];
    for await (const chunk of response) {
      received += chunk.length;
      for (const byte of chunk) if (byte === 10) lines += 1;
      // Slower than Postgres and the socket: the server gets ahead if it can.
      for (let turn = 0; turn < 5; turn += 1) await nextTurn();
      if (chunks++ % 100 === 0) most = Math.max(most, heldBytes() - before);
    }
    expect(lines).toBeGreaterThanOrEqual(250_000);
    expect(received).toBeGreaterThan(100 * MIB);
    expect(most).toBeLessThan(32 * MIB);
  },
  180_000,
);
