import { auditLogs, roles, userRoles } from '@sv-sdk/db';
import { MAX_ROLES_PER_USER } from '@sv-sdk/permissions';
import { and, eq } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { startTestApi, type TestApi } from '../../../testing/api.ts';

const MISSING = '01900000-0000-7000-8000-000000000000';
const grantsPath = (userId: string, roleId?: string) =>
  `/api/v1/users/${userId}/roles${roleId === undefined ? '' : `/${roleId}`}`;
const roleIdOf = async (api: TestApi, name: string) => {
  const [role] = await api.db.write().select({ id: roles.id }).from(roles).where(eq(roles.name, name));
  if (role === undefined) throw new Error(`there is no role ${name}`);
  return role.id;
};
const namesOf = async (api: TestApi, userId: string) => {
  const rows = await api.db
    .write()
    .select({ name: roles.name })
    .from(userRoles)
    .innerJoin(roles, eq(roles.id, userRoles.roleId))
    .where(eq(userRoles.userId, userId));
  return rows.map(({ name }) => name).toSorted();
};
const auditOf = (api: TestApi, eventType: string) =>
  api.db.write().select().from(auditLogs).where(eq(auditLogs.eventType, eventType));

test('a role is granted beside the main one, listed and revoked, each with its audit row', async () => {
  const api = await startTestApi();
  const [admin, user] = [await api.addCaller('admin'), await api.addCaller('user')];
  const path = grantsPath(user.user.id);
  const granted = await api.call('POST', path, { token: admin.token, body: { role: 'manager' } });
  expect(granted).toMatchObject({
    status: 201,
    body: { data: { role: { name: 'manager' }, isMain: false, grantedBy: admin.user.id } },
  });
  const list = await api.call('GET', path, { token: admin.token });
  expect(list.body.data).toMatchObject([
    { role: { name: 'manager' }, isMain: false },
    { role: { name: 'user' }, isMain: true, grantedBy: null },
  ]);
  expect(list.body.pagination).toMatchObject({ totalCount: 2, totalCountIsExact: true, nextCursor: null });

  const roleId = await roleIdOf(api, 'manager');
  const revoked = await api.call('DELETE', grantsPath(user.user.id, roleId), { token: admin.token });
  expect(revoked).toMatchObject({ status: 200, body: { data: { userId: user.user.id, roleId } } });
  expect(await namesOf(api, user.user.id)).toEqual(['user']);
  expect((await api.call('DELETE', grantsPath(user.user.id, roleId), { token: admin.token })).status).toBe(
    404,
  );

  const row = { userId: admin.user.id, metadata: { targetUserId: user.user.id, roleId, role: 'manager' } };
  expect(await auditOf(api, 'role.granted')).toMatchObject([row]);
  expect(await auditOf(api, 'role.revoked')).toMatchObject([row]);
});

test('what is granted and revoked counts at the next request', async () => {
  const api = await startTestApi();
  const [admin, user] = [await api.addCaller('admin'), await api.addCaller('user')];
  const mayList = async () => (await api.call('GET', '/api/v1/users', { token: user.token })).status === 200;
  expect(await mayList()).toBe(false);
  await api.call('POST', grantsPath(user.user.id), { token: admin.token, body: { role: 'manager' } });
  await expect.poll(mayList).toBe(true);
  const roleId = await roleIdOf(api, 'manager');
  await api.call('DELETE', grantsPath(user.user.id, roleId), { token: admin.token });
  await expect.poll(mayList).toBe(false);
});

test('a grant twice, also at once, is one grant with one audit row, and keeps its giver', async () => {
  const api = await startTestApi();
  const [admin, other, user] = [
    await api.addCaller('admin'),
    await api.addCaller('admin'),
    await api.addUser(),
  ];
  const grant = (token: string) =>
    api.call('POST', grantsPath(user.id), { token, body: { role: 'manager' } });
  const first = await grant(admin.token);
  const again = await Promise.all([grant(other.token), grant(admin.token), grant(other.token)]);
  for (const answer of again) expect(answer.body.data).toEqual(first.body.data);
  expect(await auditOf(api, 'role.granted')).toHaveLength(1);
});

test('one sees one’s own roles without a right to see others’', async () => {
  const api = await startTestApi();
  const { user, token } = await api.addCaller('user');
  const answer = await api.call('GET', grantsPath(user.id), { token });
  expect(answer.body.data).toMatchObject([{ role: { name: 'user' }, isMain: true }]);
});

test('lists go by page and by cursor', async () => {
  const api = await startTestApi();
  const [admin, user] = [await api.addCaller('admin'), await api.addUser()];
  for (const role of ['manager', 'load_test']) {
    await api.call('POST', grantsPath(user.id), { token: admin.token, body: { role } });
  }
  const list = async (query: string) =>
    (await api.call('GET', `${grantsPath(user.id)}?${query}`, { token: admin.token })).body;
  const names: string[] = [];
  let query = 'pageSize=1';
  for (let page = 1; page <= 3; page += 1) {
    const { data, pagination } = await list(query);
    names.push(...data.map(({ role }: { role: { name: string } }) => role.name));
    expect(pagination).toMatchObject({ page, totalCount: 3, hasNextPage: page < 3 });
    query = `pageSize=1&cursor=${pagination.nextCursor}`;
  }
  expect(names).toEqual(['load_test', 'manager', 'user']);
  // A cursor of one user's roles says nothing about another's.
  const { nextCursor } = (await list('pageSize=1')).pagination;
  const path = `${grantsPath(admin.user.id)}?cursor=${nextCursor}`;
  expect(await api.call('GET', path, { token: admin.token })).toMatchObject({
    status: 400,
    body: { error: { field: 'cursor' } },
  });
});

describe('the main role', () => {
  test('is not revoked but changed, and the answer says how', async () => {
    const api = await startTestApi();
    const [admin, user] = [await api.addCaller('admin'), await api.addUser({ role: 'manager' })];
    const roleId = await roleIdOf(api, 'manager');
    const answer = await api.call('DELETE', grantsPath(user.id, roleId), { token: admin.token });
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'ROLE_ERROR' } } });
    expect(answer.body.error.message).toContain('PATCH /api/v1/users/:id');
    expect(await namesOf(api, user.id)).toEqual(['manager']);
  });

  test('that changes takes the one before away, and leaves the others', async () => {
    const api = await startTestApi();
    const [admin, user] = [await api.addCaller('admin'), await api.addUser({ role: 'manager' })];
    await api.call('POST', grantsPath(user.id), { token: admin.token, body: { role: 'load_test' } });
    await api.call('PATCH', `/api/v1/users/${user.id}`, { token: admin.token, body: { role: 'user' } });
    expect(await namesOf(api, user.id)).toEqual(['load_test', 'user']);
    // Now it is one that can be revoked, and the new one can't.
    const list = await api.call('GET', grantsPath(user.id), { token: admin.token });
    const main = list.body.data.filter(({ isMain }: { isMain: boolean }) => isMain);
    expect(main).toMatchObject([{ role: { name: 'user' } }]);
  });
});

test('a user has no more roles than are read at a request', async () => {
  const api = await startTestApi();
  const [admin, user] = [await api.addCaller('admin'), await api.addUser()];
  const made = await api.db
    .write()
    .insert(roles)
    .values(
      Array.from({ length: MAX_ROLES_PER_USER }, (_, index) => ({ name: `role_${index}`, permissions: [] })),
    )
    .returning({ id: roles.id, name: roles.name });
  const [last, ...others] = made;
  await api.db
    .write()
    .insert(userRoles)
    .values(others.map(({ id }) => ({ userId: user.id, roleId: id })));
  const answer = await api.call('POST', grantsPath(user.id), {
    token: admin.token,
    body: { role: last?.name },
  });
  expect(answer).toMatchObject({ status: 409, body: { error: { code: 'CONSTRAINT_VIOLATION' } } });
  expect(await namesOf(api, user.id)).toHaveLength(MAX_ROLES_PER_USER);
});

describe('a bad grant is refused, naming the field, and nothing is granted', () => {
  test.each([
    ['role', 'VALIDATION_ERROR', {}],
    ['role', 'VALIDATION_ERROR', { role: 1 }],
    ['role', 'VALIDATION_ERROR', { role: 'Manager' }],
    ['role', 'VALIDATION_ERROR', { role: 'a\u0000b' }],
    ['role', 'ROLE_ERROR', { role: 'emperor' }],
    ['roleId', 'VALIDATION_ERROR', { role: 'manager', roleId: 'x' }],
    ['userId', 'VALIDATION_ERROR', { role: 'manager', userId: 'x' }],
    ['grantedBy', 'VALIDATION_ERROR', { role: 'manager', grantedBy: null }],
    ['grantedAt', 'VALIDATION_ERROR', { role: 'manager', grantedAt: '2020-01-01T00:00:00Z' }],
    ['isMain', 'VALIDATION_ERROR', { role: 'manager', isMain: true }],
  ])('%s: %s of %j', async (field, code, body) => {
    const api = await startTestApi();
    const [root, user] = [await api.addCaller('super_admin'), await api.addUser()];
    expect(await api.call('POST', grantsPath(user.id), { token: root.token, body })).toMatchObject({
      status: 400,
      body: { error: { code, field } },
    });
    expect(await namesOf(api, user.id)).toEqual(['user']);
  });

  test('an unknown query parameter of the list', async () => {
    const api = await startTestApi();
    const { user, token } = await api.addCaller('user');
    const answer = await api.call('GET', `${grantsPath(user.id)}?userId=x`, { token });
    expect(answer).toMatchObject({ status: 400, body: { error: { field: 'userId' } } });
  });
});

describe('missing and forbidden cannot be told apart', () => {
  test.each([
    ['GET', undefined],
    ['POST', { role: 'user' }],
    ['POST', { role: 'super_admin' }],
    ['POST', { role: 'emperor' }],
    ['DELETE', undefined],
  ])('%s %j', async (method, body) => {
    const api = await startTestApi();
    const [other, { user, token }] = [await api.addUser({ role: 'admin' }), await api.addCaller('user')];
    const roleId = method === 'DELETE' ? await roleIdOf(api, 'admin') : undefined;
    const refusals = async () =>
      (
        await api.db
          .write()
          .select()
          .from(auditLogs)
          .where(and(eq(auditLogs.eventType, 'access.refused'), eq(auditLogs.userId, user.id)))
      ).length;
    const ask = async (id: string) => {
      const written = await refusals();
      const answer = await api.call(method, grantsPath(id, roleId), { token, body });
      const { meta: _, ...rest } = answer.body;
      const headers = [...answer.headers].filter(
        ([name]) => !['x-request-id', 'date', 'ratelimit'].includes(name),
      );
      return {
        status: answer.status,
        rest,
        headers: headers.toSorted(),
        refusals: (await refusals()) - written,
      };
    };
    const forbidden = await ask(other.id);
    expect(forbidden).toMatchObject({ status: 404, refusals: 1 });
    expect(await ask(MISSING)).toEqual(forbidden);
    expect(await namesOf(api, other.id)).toEqual(['admin']);
  });
});

test('a manager sees users, but neither their roles nor the right to change them', async () => {
  const api = await startTestApi();
  const [manager, user] = [await api.addCaller('manager'), await api.addUser()];
  const { token } = manager;
  expect((await api.call('GET', grantsPath(user.id), { token })).status).toBe(403);
  expect((await api.call('POST', grantsPath(user.id), { token, body: { role: 'user' } })).status).toBe(403);
  const roleId = await roleIdOf(api, 'user');
  expect((await api.call('DELETE', grantsPath(user.id, roleId), { token })).status).toBe(403);
});
