import { auditLogs, roles, userRoles, users } from '@sv-sdk/db';
import { and, eq } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { startTestApi, type TestApi } from '../../testing/api.ts';
import { statementsDuring } from '../../testing/statements.ts';

const ROLES = '/api/v1/roles';
const MISSING = '01900000-0000-7000-8000-000000000000';
const support = { name: 'support', description: 'Helps.', permissions: ['read:any:user', 'update:own:user'] };

const loadRole = async (api: TestApi, where: { id: string } | { name: string }) => {
  const condition = 'id' in where ? eq(roles.id, where.id) : eq(roles.name, where.name);
  return (await api.db.write().select().from(roles).where(condition))[0];
};
const auditOf = (api: TestApi, eventType: string) =>
  api.db.write().select().from(auditLogs).where(eq(auditLogs.eventType, eventType));
const allRoles = (api: TestApi) => api.db.write().select().from(roles).orderBy(roles.id);

/** An API with a caller of each seeded role that matters, and a role of the admin's. */
async function start() {
  const api = await startTestApi();
  const [root, admin, manager, user] = await Promise.all(
    ['super_admin', 'admin', 'manager', 'user'].map((role) => api.addCaller(role)),
  );
  if (!root || !admin || !manager || !user) throw new Error('a caller is missing');
  const create = async (token: string, body: object) => {
    const answer = await api.call('POST', ROLES, { token, body });
    if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
    return answer.body.data;
  };
  return { ...api, root, admin, manager, user, create };
}

describe('a role', () => {
  test('is made, shown, changed and deleted, each with its audit row', async () => {
    const api = await start();
    const { token } = api.admin;
    const made = await api.call('POST', ROLES, { token, body: support });
    expect(made).toMatchObject({ status: 201, body: { data: { ...support, isSystem: false } } });
    const path = `${ROLES}/${made.body.data.id}`;
    expect((await api.call('GET', path, { token: api.manager.token })).body.data).toEqual(made.body.data);

    const body = { name: 'helpers', description: null, permissions: ['read:any:user', 'read:any:role'] };
    const changed = await api.call('PATCH', path, { token, body });
    expect(changed).toMatchObject({ status: 200, body: { data: body } });
    expect(Date.parse(changed.body.data.updatedAt)).toBeGreaterThanOrEqual(
      Date.parse(made.body.data.updatedAt),
    );

    const deleted = await api.call('DELETE', path, { token });
    expect(deleted).toMatchObject({ status: 200, body: { data: { id: made.body.data.id } } });
    expect((await api.call('GET', path, { token })).status).toBe(404);

    const { id } = made.body.data;
    const by = { userId: api.admin.user.id, ipAddress: '127.0.0.1' };
    expect(await auditOf(api, 'role.created')).toMatchObject([
      { ...by, metadata: { roleId: id, name: 'support' } },
    ]);
    expect(await auditOf(api, 'role.updated')).toMatchObject([
      {
        ...by,
        metadata: {
          roleId: id,
          nameBefore: 'support',
          added: ['read:any:role'],
          removed: ['update:own:user'],
        },
      },
    ]);
    expect(await auditOf(api, 'role.deleted')).toMatchObject([
      { ...by, metadata: { roleId: id, name: 'helpers' } },
    ]);
  });

  test('may be without any permission, and keeps each of them once', async () => {
    const api = await start();
    const { token } = api.admin;
    expect((await api.create(token, { name: 'nothing', permissions: [] })).permissions).toEqual([]);
    const twice = { name: 'twice', permissions: ['read:any:user', 'read:any:role', 'read:any:user'] };
    expect((await api.create(token, twice)).permissions).toEqual(['read:any:user', 'read:any:role']);
  });

  test('that is changed changes what its holders may do, at their next request', async () => {
    const api = await start();
    const role = await api.create(api.admin.token, support);
    const path = `/api/v1/users/${api.user.user.id}/roles`;
    await api.call('POST', path, { token: api.admin.token, body: { role: 'support' } });
    const mayList = async () =>
      (await api.call('GET', '/api/v1/users', { token: api.user.token })).status === 200;
    await expect.poll(mayList).toBe(true);
    const body = { permissions: ['update:own:user'] };
    await api.call('PATCH', `${ROLES}/${role.id}`, { token: api.admin.token, body });
    await expect.poll(mayList).toBe(false);
  });
});

describe('the input of a role', () => {
  test.each([
    ['name', { name: undefined }],
    ['name', { name: '' }],
    ['name', { name: 'Support' }],
    ['name', { name: '1st' }],
    ['name', { name: 'a b' }],
    ['name', { name: 'a\nb' }],
    ['name', { name: '_a' }],
    ['name', { name: 'a'.repeat(51) }],
    ['description', { description: 'a\u0000b' }],
    ['description', { description: 'a'.repeat(501) }],
    ['permissions', { permissions: undefined }],
    ['permissions', { permissions: 'read:any:user' }],
    ['permissions', { permissions: Array.from({ length: 201 }, (_, index) => `read:any:thing_${index}`) }],
    ['permissions[0]', { permissions: ['everything'] }],
    ['permissions[1]', { permissions: ['read:any:user', 'read:all:user'] }],
    ['permissions[0]', { permissions: ['READ:any:user'] }],
    ['permissions[0]', { permissions: [['*:*:*']] }],
    // Mass assignment.
    ['id', { id: '1' }],
    ['isSystem', { isSystem: true }],
    ['createdAt', { createdAt: '2020-01-01T00:00:00Z' }],
    ['updatedAt', { updatedAt: '2020-01-01T00:00:00Z' }],
    ['users', { users: [] }],
    ['constructor', { constructor: {} }],
  ])('is refused naming %s: %j; nothing is changed', async (field, part) => {
    const api = await start();
    const { token } = api.root;
    const role = await api.create(token, { name: 'before', permissions: [] });
    const before = await allRoles(api);
    const refused = { status: 400, body: { error: { code: 'VALIDATION_ERROR', field } } };
    expect(await api.call('POST', ROLES, { token, body: { ...support, ...part } })).toMatchObject(refused);
    const isMissing = Object.values(part)[0] === undefined;
    if (!isMissing) {
      expect(await api.call('PATCH', `${ROLES}/${role.id}`, { token, body: part })).toMatchObject(refused);
    }
    expect(await allRoles(api)).toEqual(before);
  });

  test('that changes nothing is refused', async () => {
    const api = await start();
    const role = await api.create(api.root.token, support);
    expect((await api.call('PATCH', `${ROLES}/${role.id}`, { token: api.root.token, body: {} })).status).toBe(
      400,
    );
  });

  test.each(['super_admin', 'admin', 'user', 'load_test', 'system', 'anonymous'])(
    'may not use the reserved name %s',
    async (name) => {
      const api = await start();
      const { token } = api.root;
      const role = await api.create(token, support);
      const refused = { status: 400, body: { error: { code: 'ROLE_ERROR', field: 'name' } } };
      expect(await api.call('POST', ROLES, { token, body: { ...support, name } })).toMatchObject(refused);
      expect(await api.call('PATCH', `${ROLES}/${role.id}`, { token, body: { name } })).toMatchObject(
        refused,
      );
    },
  );

  test('may not use a taken name; of many at once one gets it', async () => {
    const api = await start();
    const { token } = api.root;
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => api.call('POST', ROLES, { token, body: support })),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409, 409, 409, 409, 409]);
    const refused = { status: 409, body: { error: { code: 'CONSTRAINT_VIOLATION', field: 'name' } } };
    expect(answers.find(({ status }) => status === 409)).toMatchObject(refused);
    const other = await api.create(token, { ...support, name: 'other' });
    const body = { name: support.name };
    expect(await api.call('PATCH', `${ROLES}/${other.id}`, { token, body })).toMatchObject(refused);
    expect(await auditOf(api, 'role.created')).toHaveLength(2);
  });
});

test.each(['super_admin', 'admin', 'manager', 'user', 'load_test'])(
  'the system role %s is neither changed nor deleted, not even by a super_admin',
  async (name) => {
    const api = await start();
    const role = await loadRole(api, { name });
    const path = `${ROLES}/${role?.id}`;
    for (const [method, body] of [
      ['PATCH', { description: 'x' }],
      ['PATCH', { permissions: [] }],
      ['DELETE'],
    ] as const) {
      const answer = await api.call(method, path, { token: api.root.token, body });
      expect(answer).toMatchObject({ status: 400, body: { error: { code: 'ROLE_ERROR' } } });
    }
    expect(await loadRole(api, { name })).toEqual(role);
  },
);

describe('a role in use', () => {
  async function withHolders(count: number) {
    const api = await start();
    const role = await api.create(api.admin.token, support);
    const holders = await Promise.all(Array.from({ length: count }, () => api.addUser()));
    for (const holder of holders) {
      await api.call('POST', `/api/v1/users/${holder.id}/roles`, {
        token: api.admin.token,
        body: { role: 'support' },
      });
    }
    return { api, role, holders };
  }

  test.each([
    [1, 'held by 1 user;'],
    [3, 'held by 3 users;'],
  ])('by %d is not deleted, and the answer says by how many', async (count, text) => {
    const { api, role } = await withHolders(count);
    const answer = await api.call('DELETE', `${ROLES}/${role.id}`, { token: api.admin.token });
    expect(answer).toMatchObject({ status: 409, body: { error: { code: 'CONSTRAINT_VIOLATION' } } });
    expect(answer.body.error.message).toContain(text);
    expect(await loadRole(api, role)).toBeDefined();
  });

  test('by users who were deleted only is deleted', async () => {
    const { api, role, holders } = await withHolders(1);
    await api.call('DELETE', `/api/v1/users/${holders[0]?.id}`, { token: api.admin.token });
    expect((await api.call('DELETE', `${ROLES}/${role.id}`, { token: api.admin.token })).status).toBe(200);
  });

  test('as a main role keeps its name, which the users have', async () => {
    const api = await start();
    const role = await api.create(api.admin.token, support);
    const body = { email: 'new@example.org', name: 'New', role: 'support' };
    await api.call('POST', '/api/v1/users', { token: api.root.token, body });
    const rename = (name: string) =>
      api.call('PATCH', `${ROLES}/${role.id}`, { token: api.admin.token, body: { name } });
    const answer = await rename('renamed');
    expect(answer).toMatchObject({
      status: 409,
      body: { error: { code: 'CONSTRAINT_VIOLATION', field: 'name' } },
    });
    expect(answer.body.error.message).toContain('1 user');
    expect((await rename('support')).status).toBe(200);
  });

  test('is not deleted under a grant that comes at the same moment: one of both wins', async () => {
    const api = await start();
    for (let round = 0; round < 5; round += 1) {
      const role = await api.create(api.admin.token, { ...support, name: `role_${round}` });
      const holder = await api.addUser();
      const [deleted, granted] = await Promise.all([
        api.call('DELETE', `${ROLES}/${role.id}`, { token: api.admin.token }),
        api.call('POST', `/api/v1/users/${holder.id}/roles`, {
          token: api.admin.token,
          body: { role: role.name },
        }),
      ]);
      expect([
        [200, 400],
        [409, 201],
      ]).toContainEqual([deleted.status, granted.status]);
      const grants = await api.db.write().select().from(userRoles).where(eq(userRoles.roleId, role.id));
      expect(grants).toHaveLength(granted.status === 201 ? 1 : 0);
    }
  });
});

describe('missing and forbidden cannot be told apart', () => {
  test.each([
    ['GET', undefined],
    ['PATCH', { description: 'x' }],
    ['PATCH', { permissions: ['*:*:*'] }],
    ['DELETE', undefined],
  ])('%s %j', async (method, body) => {
    const api = await start();
    const role = await api.create(api.admin.token, support);
    const before = await allRoles(api);
    const refusals = () =>
      api.db
        .write()
        .select()
        .from(auditLogs)
        .where(and(eq(auditLogs.eventType, 'access.refused'), eq(auditLogs.userId, api.user.user.id)));
    const ask = async (id: string) => {
      const written = (await refusals()).length;
      const {
        status,
        headers,
        body: answer,
      } = await api.call(method, `${ROLES}/${id}`, { token: api.user.token, body });
      const { meta: _, ...rest } = answer;
      return { status, headers: plain(headers), rest, refusals: (await refusals()).length - written };
    };
    const forbidden = await ask(role.id);
    expect(forbidden).toMatchObject({ status: 404, refusals: 1 });
    expect(await ask(MISSING)).toEqual(forbidden);
    // Nobody's row is locked, or waited for, by who may not see it.
    const sent = await statementsDuring(() =>
      api.call(method, `${ROLES}/${role.id}`, { token: api.user.token, body }),
    );
    expect(sent.filter((text) => /for (no key )?update/.test(text))).toEqual([]);
    expect(await allRoles(api)).toEqual(before);
  });
});

/** Without those that differ between any two answers. */
function plain(headers: Headers) {
  const varying = ['x-request-id', 'date', 'ratelimit'];
  return [...headers].filter(([name]) => !varying.includes(name)).toSorted();
}

describe('who sees roles and does not hold the right to change them is refused', () => {
  test.each([
    ['POST', '', support],
    ['PATCH', '/:id', { description: 'x' }],
    ['DELETE', '/:id', undefined],
  ])('%s %s', async (method, path, body) => {
    const api = await start();
    const role = await api.create(api.admin.token, { name: 'made_before', permissions: [] });
    const before = await allRoles(api);
    const answer = await api.call(method, ROLES + path.replace(':id', role.id), {
      token: api.manager.token,
      body,
    });
    expect(answer).toMatchObject({ status: 403, body: { error: { code: 'PERMISSION_DENIED' } } });
    expect(await allRoles(api)).toEqual(before);
  });

  test('the list is for who may read them', async () => {
    const api = await start();
    expect((await api.call('GET', ROLES, { token: api.user.token })).status).toBe(403);
  });
});

describe('listing', () => {
  test('by page and by cursor give the same roles, newest first, each once', async () => {
    const api = await start();
    for (const name of ['one', 'two', 'three']) await api.create(api.admin.token, { name, permissions: [] });
    const list = async (query: string) =>
      (await api.call('GET', `${ROLES}?${query}`, { token: api.manager.token })).body;
    const total = (await allRoles(api)).length;
    const byPage: string[] = [];
    const byCursor: string[] = [];
    let query = 'pageSize=3';
    for (let page = 1; page <= Math.ceil(total / 3); page += 1) {
      const paged = await list(`pageSize=3&page=${page}`);
      byPage.push(...paged.data.map(({ name }: { name: string }) => name));
      const { data, pagination } = await list(query);
      byCursor.push(...data.map(({ name }: { name: string }) => name));
      expect(pagination).toEqual(paged.pagination);
      expect(pagination).toMatchObject({ page, totalCount: total, totalCountIsExact: true });
      query = `pageSize=3&cursor=${pagination.nextCursor}`;
    }
    expect(byPage.slice(0, 3)).toEqual(['three', 'two', 'one']);
    expect(new Set(byPage).size).toBe(total);
    expect(byCursor).toEqual(byPage);
  });
});

test('a role that was made is granted to nobody', async () => {
  const api = await start();
  await api.create(api.root.token, { name: 'all', permissions: ['*:*:*'] });
  const rows = await api.db
    .write()
    .select({ id: users.id })
    .from(users)
    .innerJoin(userRoles, eq(userRoles.userId, users.id))
    .innerJoin(roles, and(eq(roles.id, userRoles.roleId), eq(roles.name, 'all')));
  expect(rows).toEqual([]);
});
