import { expect, test } from 'vitest';
import { startTestApi } from '../../testing/api.ts';

const CHECK = '/api/v1/permissions/check';

test('one or many, for the caller', async () => {
  const api = await startTestApi();
  const { token } = await api.addCaller('manager');
  const one = await api.call('POST', CHECK, { token, body: { permission: 'read:own:user' } });
  expect(one.body.data).toEqual({ allowed: true, results: [{ permission: 'read:own:user', allowed: true }] });
  const many = await api.call('POST', CHECK, {
    token,
    body: { permissions: ['read:any:user', 'delete:any:user'] },
  });
  expect(many.body.data).toEqual({
    allowed: false,
    results: [
      { permission: 'read:any:user', allowed: true },
      { permission: 'delete:any:user', allowed: false },
    ],
  });
});

test('for another, with the right to know; whoever may not sign in may do nothing, whoever is gone is not there', async () => {
  const api = await startTestApi();
  const { token } = await api.addCaller('admin');
  const other = await api.addUser({ role: 'manager' });
  const path = `/api/v1/users/${other.id}`;
  const ask = () =>
    api.call('POST', CHECK, {
      token,
      body: { userId: other.id, permissions: ['read:any:user', 'read:own:user'] },
    });
  expect((await ask()).body.data.allowed).toBe(true);
  await api.call('PATCH', path, { token, body: { isActive: false } });
  const allowed = (await ask()).body.data.results.map((result: { allowed: boolean }) => result.allowed);
  expect(allowed).toEqual([false, false]);
  await api.call('PATCH', path, { token, body: { isActive: true } });
  expect((await ask()).body.data.allowed).toBe(true);
  await api.call('DELETE', path, { token });
  expect((await ask()).status).toBe(404);
});

test('whoever grants and revokes sees it in the next check', async () => {
  const api = await startTestApi();
  const { token } = await api.addCaller('admin');
  const other = await api.addUser();
  const path = `/api/v1/users/${other.id}/roles`;
  const isAllowed = async () =>
    (await api.call('POST', CHECK, { token, body: { userId: other.id, permission: 'create:any:email' } }))
      .body.data.allowed;
  expect(await isAllowed()).toBe(false);
  const granted = await api.call('POST', path, { token, body: { role: 'manager' } });
  expect(await isAllowed()).toBe(true);
  await api.call('DELETE', `${path}/${granted.body.data.role.id}`, { token });
  expect(await isAllowed()).toBe(false);
});

test('without that right another user looks as if it did not exist', async () => {
  const api = await startTestApi();
  const { token } = await api.addCaller('manager');
  const other = await api.addUser();
  const ask = (userId: string) =>
    api.call('POST', CHECK, { token, body: { userId, permission: 'read:any:user' } });
  const [forbidden, missing] = [await ask(other.id), await ask('missing')];
  expect(forbidden.status).toBe(404);
  expect(forbidden.body.error).toEqual(missing.body.error);
});

test.each([
  ['permission', { permission: 'everything' }],
  ['permissions[1]', { permissions: ['read:any:user', 'x'] }],
  ['permissions', { permissions: [] }],
  ['userId', { permission: 'read:any:user', userId: '' }],
  ['userId', { permission: 'read:any:user', userId: 'a\u0000b' }],
  ['isAdmin', { permission: 'read:any:user', isAdmin: true }],
  ['permissions', { permission: 'read:any:user', permissions: ['read:any:user'] }],
])('a bad request is refused naming %s', async (field, body) => {
  const api = await startTestApi();
  const { token } = await api.addCaller('user');
  expect(await api.call('POST', CHECK, { token, body })).toMatchObject({
    status: 400,
    body: { error: { field } },
  });
});

test('an API key is judged by its scopes as well', async () => {
  const api = await startTestApi();
  const { token } = await api.addCaller('manager');
  const key = await api.call('POST', '/api/v1/auth/api-keys', {
    token,
    body: { name: 'k', scopes: ['read:any:role'] },
  });
  const answer = await api.call('POST', CHECK, {
    apiKey: key.body.data.key,
    body: { permissions: ['read:any:role', 'read:any:user'] },
  });
  expect(answer.body.data.results.map(({ allowed }: { allowed: boolean }) => allowed)).toEqual([true, false]);
});
