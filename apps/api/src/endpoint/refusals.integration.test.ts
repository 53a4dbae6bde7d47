import { auditLogs, users } from '@sv-sdk/db';
import { eq } from 'drizzle-orm';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ApiError, type ErrorCode, type Refusal } from '../errors.ts';
import { startTestApi, type TestApi } from '../testing/api.ts';
import { itemEndpoint } from './endpoint.ts';

const ABSENT = '0198a000-0000-7000-8000-000000000000';

const refusals = (api: TestApi) =>
  api.db.write().select().from(auditLogs).where(eq(auditLogs.eventType, 'access.refused'));

/** Changes something, then refuses. */
function refusingEndpoint(code: ErrorCode, refusal?: Refusal) {
  return itemEndpoint({
    method: 'patch',
    path: '/api/v1/test/refuse/:id',
    operationId: 'refuse',
    summary: 'Refuses',
    tag: 'test',
    access: 'principal',
    params: z.strictObject({ id: z.string() }),
    status: 200,
    data: z.strictObject({}),
    errors: [code],
    handle: ({ withTx }) =>
      withTx(async (tx, audit) => {
        await tx.insert(users).values({ email: 'ada@example.org', name: 'Ada' });
        await audit('user.created');
        throw new ApiError(code, 'No.', { ...(refusal !== undefined && { refusal }) });
      }),
  });
}

describe('what is refused leaves one row, and what it had done is undone', () => {
  test.each([
    'AUTHENTICATION_ERROR',
    'SESSION_ERROR',
    'PERMISSION_DENIED',
    'ACCOUNT_LOCKED',
    'NOT_FOUND',
  ] as const)('%s', async (code) => {
    const api = await startTestApi({ more: [refusingEndpoint(code)] });
    const { user, token } = await api.addCaller('admin');
    const answer = await api.call('PATCH', '/api/v1/test/refuse/the-id', {
      token,
      headers: { 'x-forwarded-for': '203.0.113.9' },
    });
    expect(answer.body.error).toEqual({ code, message: 'No.' });
    expect(await refusals(api)).toMatchObject([
      {
        userId: user.id,
        ipAddress: '203.0.113.9',
        metadata: { code, operationId: 'refuse', id: 'the-id', source: 'bearer' },
      },
    ]);
    expect(await api.db.write().select().from(users).where(eq(users.name, 'Ada'))).toEqual([]);
    expect(
      await api.db.write().select().from(auditLogs).where(eq(auditLogs.eventType, 'user.created')),
    ).toEqual([]);
  });

  test('under the name and with the reasons that the endpoint gives, of which the caller hears nothing', async () => {
    const refusal = { eventType: 'thing.refused', metadata: { reason: 'too secret', code: 'ITS_OWN' } };
    const api = await startTestApi({ more: [refusingEndpoint('PERMISSION_DENIED', refusal)] });
    const { token } = await api.addCaller('admin');
    const { body } = await api.call('PATCH', '/api/v1/test/refuse/1', { token });
    expect(JSON.stringify(body)).not.toMatch(/too secret|thing/);
    expect(await refusals(api)).toEqual([]);
    const rows = await api.db
      .write()
      .select()
      .from(auditLogs)
      .where(eq(auditLogs.eventType, 'thing.refused'));
    expect(rows).toMatchObject([{ metadata: { reason: 'too secret', operationId: 'refuse' } }]);
  });
});

test.each(['VALIDATION_ERROR', 'CONSTRAINT_VIOLATION', 'ROLE_ERROR', 'INTERNAL_ERROR'] as const)(
  '%s is no refusal',
  async (code) => {
    const api = await startTestApi({ more: [refusingEndpoint(code)] });
    const { token } = await api.addCaller('admin');
    await api.call('PATCH', '/api/v1/test/refuse/1', { token });
    expect(await refusals(api)).toEqual([]);
  },
);

describe('who was refused at the door', () => {
  test('is nobody without a credential, and a credential that is not valid is named by its kind', async () => {
    const api = await startTestApi();
    const expected: [Parameters<TestApi['call']>[2], string | undefined][] = [
      [{}, undefined],
      [{ token: 'nonsense' }, 'bearer'],
      [{ cookie: 'sv.session_token=abc.def' }, 'cookie'],
      [{ apiKey: 'sv_nonsense' }, 'api_key'],
    ];
    for (const [credential] of expected) await api.call('GET', '/api/v1/users', credential);
    const rows = await refusals(api);
    expect(rows.map(({ userId }) => userId)).toEqual([null, null, null, null]);
    const sources = rows.map(({ metadata }) => (metadata as Record<string, unknown>)['source']);
    expect(sources.toSorted()).toEqual(expected.map(([, source]) => source).toSorted());
    expect(JSON.stringify(rows)).not.toMatch(/nonsense|abc\.def/);
  });

  test('is known where the credential is good and not enough', async () => {
    const api = await startTestApi();
    const { user, token } = await api.addCaller('admin');
    const made = await api.call('POST', '/api/v1/auth/api-keys', { token, body: { name: 'ci' } });
    const { cookie } = await api.signIn(user);
    await api.call('GET', '/api/v1/auth/api-keys', { apiKey: made.body.data.key });
    await api.call('POST', '/api/v1/users', {
      cookie,
      body: {},
      headers: { origin: 'https://evil.example' },
    });
    expect(await refusals(api)).toMatchObject([
      {
        userId: user.id,
        metadata: { code: 'PERMISSION_DENIED', operationId: 'listApiKeys', source: 'api_key' },
      },
      {
        userId: user.id,
        metadata: { code: 'PERMISSION_DENIED', operationId: 'createUser', source: 'cookie' },
      },
    ]);
  });

  test('may have sent an id that no text of Postgres can hold', async () => {
    const api = await startTestApi();
    expect((await api.call('GET', '/api/v1/users/a%00b')).status).toBe(401);
    expect(await refusals(api)).toMatchObject([{ metadata: { id: 'a\ufffdb' } }]);
  });
});

test('missing and forbidden leave the same row, but for the id', async () => {
  const api = await startTestApi();
  const { token } = await api.addCaller('user');
  const other = await api.addUser();
  for (const id of [ABSENT, other.id]) await api.call('GET', `/api/v1/users/${id}`, { token });
  const [missing, forbidden] = await refusals(api);
  expect(missing?.metadata).toMatchObject({ code: 'NOT_FOUND', id: ABSENT });
  expect({ ...(forbidden?.metadata as object), id: ABSENT }).toEqual(missing?.metadata);
});

test('a refusal whose row cannot be written is not answered as one', async () => {
  const api = await startTestApi();
  const owner = new pg.Client({ connectionString: api.database.adminUrl });
  await owner.connect();
  await owner.query('revoke insert on audit.audit_logs from sv_app');
  const { status, body } = await api.call('GET', '/api/v1/users');
  expect({ status, code: body.error.code }).toEqual({ status: 500, code: 'DATABASE_ERROR' });
  await owner.end();
});
