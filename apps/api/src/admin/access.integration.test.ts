import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { startTestApi, type TestApi } from '../testing/api.ts';
import {
  addCredential,
  addRole,
  addUserWithRole,
  type CredentialKind,
  cookieNameOf,
} from '../testing/callers.ts';

const ACCESS = '/admin/access';
const OPERATIONS = 'read:any:operations';

async function addPerson(api: TestApi, permissions: readonly string[], kind: CredentialKind = 'cookie') {
  const cookieName = await cookieNameOf(api);
  return await api.db.withTx(async (tx) => {
    const userId = await addUserWithRole(tx, await addRole(tx, randomUUID(), permissions));
    return { userId, credential: await addCredential(tx, userId, kind, { cookieName }) };
  });
}

const refusals = async (api: TestApi) => {
  const { rows } = await api.db
    .write()
    .execute<{ user_id: string | null; metadata: Record<string, unknown> }>(
      sql`select user_id, metadata from audit.audit_logs where event_type = 'access.refused' order by id`,
    );
  return rows;
};

test('who is signed in with the permission is let in, a hundred times over', async () => {
  const api = await startTestApi({ rateLimits: { limits: { principalPerMinute: 5, addressPerMinute: 5 } } });
  const { credential } = await addPerson(api, [OPERATIONS]);
  for (let request = 0; request < 100; request += 1) {
    expect((await api.call('GET', ACCESS, credential)).status).toBe(204);
  }
});

test('an administrator has the permission, a manager does not', async () => {
  const api = await startTestApi();
  const admin = await api.addCaller('admin');
  expect((await api.call('GET', ACCESS, { token: admin.token })).status).toBe(204);
  const manager = await api.addCaller('manager');
  expect((await api.call('GET', ACCESS, { token: manager.token })).status).toBe(403);
});

test('who is not signed in gets 401, also a browser: nginx knows where to send it', async () => {
  const api = await startTestApi();
  const answer = await api.call('GET', ACCESS, { headers: { accept: 'text/html' } });
  expect(answer).toMatchObject({ status: 401, body: { error: { code: 'AUTHENTICATION_ERROR' } } });
  expect(await refusals(api)).toEqual([]);
});

test('a person without the permission gets 403, with its record', async () => {
  const api = await startTestApi();
  const { userId, credential } = await addPerson(api, ['read:any:queue', '*:own:operations']);
  expect((await api.call('GET', ACCESS, credential)).status).toBe(403);
  expect(await refusals(api)).toMatchObject([
    { user_id: userId, metadata: { operationId: 'operatorsPages', required: OPERATIONS } },
  ]);
});

test('an API key is no person', async () => {
  const api = await startTestApi();
  const { credential } = await addPerson(api, ['*:*:*'], 'api key');
  expect((await api.call('GET', ACCESS, credential)).status).toBe(403);
});

test('a change that a foreign page makes a browser send is refused', async () => {
  const api = await startTestApi();
  const { credential } = await addPerson(api, [OPERATIONS]);
  const ask = async (method: string, origin: string) => {
    const headers = { origin, 'x-original-method': method };
    return (await api.call('GET', ACCESS, { ...credential, headers })).status;
  };
  expect(await ask('POST', 'https://evil.example')).toBe(403);
  expect(await ask('POST', new URL(api.url).origin)).toBe(204);
  expect(await ask('GET', 'https://evil.example')).toBe(204);
});

test('strangers are counted', async () => {
  const api = await startTestApi({ rateLimits: { limits: { addressPerMinute: 3 } } });
  const statuses: number[] = [];
  for (let request = 0; request < 5; request += 1) statuses.push((await api.call('GET', ACCESS)).status);
  expect(statuses).toEqual([401, 401, 401, 429, 429]);
});
