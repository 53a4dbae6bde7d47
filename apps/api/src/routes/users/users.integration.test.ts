import { auditLogs, userRoles, users } from '@sv-sdk/db';
import { and, eq } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { COUNT_CAP } from '../../pagination.ts';
import { PASSWORD, startTestApi, type TestApi } from '../../testing/api.ts';
import { statementsDuring } from '../../testing/statements.ts';

const USERS = '/api/v1/users';
const newUser = { email: 'new@example.org', name: 'New', password: PASSWORD };
const loadRow = async (api: TestApi, id: string) =>
  (await api.db.write().select().from(users).where(eq(users.id, id)))[0];

describe('missing and forbidden cannot be told apart', () => {
  const MISSING = '01900000-0000-7000-8000-000000000000';
  test.each([
    ['GET', undefined],
    ['PATCH', { name: 'Mallory' }],
    ['PATCH', { isActive: false }],
    ['PATCH', { role: 'super_admin' }],
    ['PATCH', { role: 'emperor' }],
    ['DELETE', undefined],
  ])('%s %j', async (method, body) => {
    const api = await startTestApi();
    const other = await api.addUser({ role: 'admin' });
    const { user, token } = await api.addCaller('user');
    const refusals = () =>
      api.db
        .write()
        .select()
        .from(auditLogs)
        .where(and(eq(auditLogs.eventType, 'access.refused'), eq(auditLogs.userId, user.id)));
    const ask = async (id: string) => {
      const written = (await refusals()).length;
      const answer = await api.call(method, `${USERS}/${id}`, { token, body });
      const { meta: _, ...rest } = answer.body;
      const headers = [...answer.headers].filter(
        ([name]) => !['x-request-id', 'date', 'ratelimit'].includes(name),
      );
      return {
        status: answer.status,
        rest,
        headers: headers.toSorted(),
        refusals: (await refusals()).length - written,
      };
    };
    const forbidden = await ask(other.id);
    expect(forbidden).toMatchObject({ status: 404, refusals: 1 });
    expect(await ask(MISSING)).toEqual(forbidden);
    // Nobody's row is locked, or waited for, by who may not see it.
    const sent = await statementsDuring(() => api.call(method, `${USERS}/${other.id}`, { token, body }));
    expect(sent.filter((text) => /for (no key )?update/.test(text))).toEqual([]);
    expect(await loadRow(api, other.id)).toEqual(other);
  });
});

describe('without the permission', () => {
  test.each([
    ['GET', USERS, undefined],
    ['POST', USERS, newUser],
  ])('%s %s is refused', async (method, path, body) => {
    const api = await startTestApi();
    const { token } = await api.addCaller('user');
    const answer = await api.call(method, path, { token, body });
    expect(answer).toMatchObject({ status: 403, body: { error: { code: 'PERMISSION_DENIED' } } });
  });

  test('a manager sees users, and changes and deletes none', async () => {
    const api = await startTestApi();
    const other = await api.addUser();
    const { token } = await api.addCaller('manager');
    expect((await api.call('GET', `${USERS}/${other.id}`, { token })).status).toBe(200);
    expect((await api.call('PATCH', `${USERS}/${other.id}`, { token, body: { name: 'X' } })).status).toBe(
      403,
    );
    expect((await api.call('DELETE', `${USERS}/${other.id}`, { token })).status).toBe(403);
    expect(await loadRow(api, other.id)).toEqual(other);
  });
});

describe('creating', () => {
  test('makes a user who can sign in, with an audit row in the same transaction', async () => {
    const api = await startTestApi();
    const { user: admin, token } = await api.addCaller('admin');
    const { status, body } = await api.call('POST', USERS, { token, body: { ...newUser, role: 'manager' } });
    expect(status).toBe(201);
    expect(body.data).toMatchObject({ email: newUser.email, role: 'manager', isActive: true });
    expect(JSON.stringify(body)).not.toContain('password');
    await api.signIn(newUser);
    const audit = await api.db
      .write()
      .select()
      .from(auditLogs)
      .where(eq(auditLogs.eventType, 'user.created'));
    expect(audit).toMatchObject([{ userId: admin.id, ipAddress: '127.0.0.1' }]);
    expect(JSON.stringify(audit)).not.toContain(newUser.email);
    const [grant] = await api.db.write().select().from(userRoles).where(eq(userRoles.userId, body.data.id));
    expect(grant?.grantedBy).toBe(admin.id);
  });

  test('without a password makes a user who cannot sign in', async () => {
    const api = await startTestApi();
    const { token } = await api.addCaller('admin');
    await api.call('POST', USERS, { token, body: { email: newUser.email, name: 'New' } });
    expect(
      (await api.call('POST', '/api/v1/auth/login', { body: { email: newUser.email, password: PASSWORD } }))
        .status,
    ).toBe(401);
  });

  test('a taken address is a conflict that names the field, and leaves nothing behind', async () => {
    const api = await startTestApi();
    const { token } = await api.addCaller('admin');
    const existing = await api.addUser({ email: newUser.email });
    const answer = await api.call('POST', USERS, { token, body: { ...newUser, email: 'NEW@example.org' } });
    expect(answer).toMatchObject({
      status: 409,
      body: { error: { code: 'CONSTRAINT_VIOLATION', field: 'email' } },
    });
    expect(await loadRow(api, existing.id)).toEqual(existing);
    expect(
      await api.db.write().select().from(auditLogs).where(eq(auditLogs.eventType, 'user.created')),
    ).toEqual([]);
  });

  test.each([
    [undefined, true],
    [true, true],
    [false, false],
  ])(
    'an administrator vouches for the address unless they say otherwise: %j',
    async (emailVerified, expected) => {
      const api = await startTestApi();
      const { token } = await api.addCaller('admin');
      const answer = await api.call('POST', USERS, { token, body: { ...newUser, emailVerified } });
      expect(answer.body.data.emailVerified).toBe(expected);
    },
  );

  test('an unknown role is a ROLE_ERROR', async () => {
    const api = await startTestApi();
    const { token } = await api.addCaller('admin');
    const answer = await api.call('POST', USERS, { token, body: { ...newUser, role: 'emperor' } });
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'ROLE_ERROR', field: 'role' } } });
  });

  test('an admin can make no super_admin', async () => {
    const api = await startTestApi();
    const { token } = await api.addCaller('admin');
    const answer = await api.call('POST', USERS, { token, body: { ...newUser, role: 'super_admin' } });
    expect(answer.status).toBe(403);
    expect(await api.db.write().select().from(users).where(eq(users.email, newUser.email))).toEqual([]);
  });
});

describe('mass assignment is refused, naming the field', () => {
  test.each([
    ['id', '1'],
    ['isActive', true],
    ['lastLoginAt', null],
    ['updatedAt', '2020-01-01T00:00:00Z'],
    ['image', 'https://example.org/ada.png'],
    ['createdAt', '2020-01-01T00:00:00Z'],
    ['deletedAt', null],
    ['permissions', ['*:*:*']],
    ['passwordHash', 'x'],
    ['grantedBy', 'x'],
    ['constructor', {}],
  ])('POST with %s', async (field, value) => {
    const api = await startTestApi();
    const { token } = await api.addCaller('super_admin');
    const answer = await api.call('POST', USERS, { token, body: { ...newUser, [field]: value } });
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'VALIDATION_ERROR', field } } });
    expect(await api.db.write().select().from(users).where(eq(users.email, newUser.email))).toEqual([]);
  });

  test.each([
    'id',
    'emailVerified',
    'lastLoginAt',
    'createdAt',
    'updatedAt',
    'deletedAt',
    'password',
    'permissions',
    'roles',
  ])('PATCH with %s', async (field) => {
    const api = await startTestApi();
    const { user, token } = await api.addCaller('super_admin');
    const before = await loadRow(api, user.id);
    const answer = await api.call('PATCH', `${USERS}/${user.id}`, {
      token,
      body: { name: 'X', [field]: 'x' },
    });
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'VALIDATION_ERROR', field } } });
    expect(await loadRow(api, user.id)).toEqual(before);
  });

  test('__proto__ in a body is an unknown field like any other', async () => {
    const api = await startTestApi();
    const { token } = await api.addCaller('super_admin');
    const body = `{"email":"new@example.org","name":"New","__proto__":{"role":"super_admin"}}`;
    const answer = await api.call('POST', USERS, { token, body });
    expect(answer).toMatchObject({ status: 400, body: { error: { field: '__proto__' } } });
  });
});

describe('changing', () => {
  test('one’s own name and image', async () => {
    const api = await startTestApi();
    const { user, token } = await api.addCaller('user');
    const image = 'https://example.org/ada.png';
    const answer = await api.call('PATCH', `${USERS}/${user.id}`, { token, body: { name: 'Ada', image } });
    expect(answer.body.data).toMatchObject({ name: 'Ada', image, role: 'user' });
    expect(Date.parse(answer.body.data.updatedAt)).toBeGreaterThan(user.updatedAt.getTime());
  });

  test.each([{ role: 'admin' }, { isActive: false }, { email: 'mine@example.org' }])(
    'one’s own %j is not one’s own to change',
    async (body) => {
      const api = await startTestApi();
      const { user, token } = await api.addCaller('user');
      const before = await loadRow(api, user.id);
      expect((await api.call('PATCH', `${USERS}/${user.id}`, { token, body })).status).toBe(403);
      expect(await loadRow(api, user.id)).toEqual(before);
    },
  );

  test('the role changes what a user may do, at the next request', async () => {
    const api = await startTestApi();
    const admin = await api.addCaller('admin');
    const { user, token } = await api.addCaller('user');
    expect((await api.call('GET', USERS, { token })).status).toBe(403);
    await api.call('PATCH', `${USERS}/${user.id}`, { token: admin.token, body: { role: 'manager' } });
    expect((await api.call('GET', USERS, { token })).status).toBe(200);
    await api.call('PATCH', `${USERS}/${user.id}`, { token: admin.token, body: { role: 'user' } });
    expect((await api.call('GET', USERS, { token })).status).toBe(403);
  });

  test.each([{ name: 'X' }, { isActive: false }, { email: 'x@example.org' }, { role: 'user' }])(
    'an admin cannot change a super_admin: %j',
    async (body) => {
      const api = await startTestApi();
      const { token } = await api.addCaller('admin');
      const above = await api.addUser({ role: 'super_admin' });
      expect((await api.call('PATCH', `${USERS}/${above.id}`, { token, body })).status).toBe(403);
      expect((await api.call('DELETE', `${USERS}/${above.id}`, { token })).status).toBe(403);
      expect(await loadRow(api, above.id)).toEqual(above);
    },
  );

  test('deactivating ends the sessions for good', async () => {
    const api = await startTestApi();
    const admin = await api.addCaller('admin');
    const { user, token } = await api.addCaller('user');
    const patch = (isActive: boolean) =>
      api.call('PATCH', `${USERS}/${user.id}`, { token: admin.token, body: { isActive } });
    await patch(false);
    expect((await api.call('GET', `${USERS}/${user.id}`, { token })).status).toBe(401);
    await patch(true);
    expect((await api.call('GET', `${USERS}/${user.id}`, { token })).status).toBe(401);
    await api.signIn(user);
  });

  test('a new address is unverified, and a taken one is a conflict', async () => {
    const api = await startTestApi();
    const { token } = await api.addCaller('admin');
    const [user, other] = [await api.addUser(), await api.addUser()];
    await api.db.write().update(users).set({ emailVerified: true }).where(eq(users.id, user.id));
    const taken = await api.call('PATCH', `${USERS}/${user.id}`, { token, body: { email: other.email } });
    expect(taken).toMatchObject({
      status: 409,
      body: { error: { code: 'CONSTRAINT_VIOLATION', field: 'email' } },
    });
    const changed = await api.call('PATCH', `${USERS}/${user.id}`, {
      token,
      body: { email: 'Fresh@example.org' },
    });
    expect(changed.body.data).toMatchObject({ email: 'fresh@example.org', emailVerified: false });
  });

  test('nothing at all is refused', async () => {
    const api = await startTestApi();
    const { user, token } = await api.addCaller('user');
    expect((await api.call('PATCH', `${USERS}/${user.id}`, { token, body: {} })).status).toBe(400);
  });
});

describe('a deleted user', () => {
  test('vanishes from every route, its session and keys are refused, and the row stays', async () => {
    const api = await startTestApi();
    const admin = await api.addCaller('admin');
    const { user, token } = await api.addCaller('user');
    const key = await api.call('POST', '/api/v1/auth/api-keys', { token, body: { name: 'ci' } });
    const path = `${USERS}/${user.id}`;

    const deleted = await api.call('DELETE', path, { token: admin.token });
    expect(deleted).toMatchObject({ status: 200, body: { data: { id: user.id } } });

    expect((await api.call('GET', path, { token })).body.error.code).toBe('SESSION_ERROR');
    expect((await api.call('GET', path, { apiKey: key.body.data.key })).body.error.code).toBe(
      'AUTHENTICATION_ERROR',
    );
    for (const [method, body] of [['GET'], ['PATCH', { name: 'X' }], ['DELETE']] as const) {
      expect((await api.call(method, path, { token: admin.token, body })).status).toBe(404);
    }
    const list = await api.call('GET', USERS, { token: admin.token });
    expect(list.body.data.map(({ id }: { id: string }) => id)).toEqual([admin.user.id]);
    expect(list.body.pagination.totalCount).toBe(1);
    const check = await api.call('POST', '/api/v1/permissions/check', {
      token: admin.token,
      body: { userId: user.id, permission: 'read:own:user' },
    });
    expect(check.status).toBe(404);
    expect(await loadRow(api, user.id)).toMatchObject({ deletedAt: expect.any(Date), email: user.email });
  });
});

describe('listing', () => {
  async function withUsers(count: number) {
    const api = await startTestApi();
    const { token, user } = await api.addCaller('admin');
    // All with one creation time: the id must decide, or pages overlap.
    const createdAt = new Date('2025-01-01T00:00:00.123Z');
    await api.db.write().update(users).set({ createdAt }).where(eq(users.id, user.id));
    await api.db
      .write()
      .insert(users)
      .values(
        Array.from({ length: count - 1 }, (_, index) => ({
          email: `user-${String(index).padStart(3, '0')}@example.org`,
          name: `User ${index}`,
          createdAt,
        })),
      );
    const list = (query: string) => api.call('GET', `${USERS}?${query}`, { token });
    return { api, list };
  }
  const idsOf = (answer: { body: { data: { id: string }[] } }) => answer.body.data.map(({ id }) => id);

  test('by page and by cursor give the same rows, each once', async () => {
    const { list } = await withUsers(7);
    const byPage: string[] = [];
    for (const page of [1, 2, 3]) {
      const answer = await list(`page=${page}&pageSize=3`);
      expect(answer.body.pagination).toMatchObject({
        page,
        pageSize: 3,
        totalPages: 3,
        totalCount: 7,
        hasNextPage: page < 3,
        hasPreviousPage: page > 1,
      });
      byPage.push(...idsOf(answer));
    }
    expect(new Set(byPage).size).toBe(7);

    const byCursor: string[] = [];
    let query = 'pageSize=3';
    for (let page = 1; page <= 3; page += 1) {
      const answer = await list(query);
      expect(answer.body.pagination).toMatchObject({ page, totalPages: 3, hasPreviousPage: page > 1 });
      byCursor.push(...idsOf(answer));
      const { nextCursor } = answer.body.pagination;
      if (page === 3) expect(nextCursor).toBeNull();
      query = `pageSize=3&cursor=${nextCursor}`;
    }
    expect(byCursor).toEqual(byPage);
  });

  test('a cursor stays right while users come', async () => {
    const { api, list } = await withUsers(4);
    const first = await list('pageSize=2');
    await api.addUser();
    const second = await list(`pageSize=2&cursor=${first.body.pagination.nextCursor}`);
    expect(new Set([...idsOf(first), ...idsOf(second)]).size).toBe(4);
  });

  test('a page beyond the end is empty', async () => {
    const { list } = await withUsers(2);
    const answer = await list('page=9');
    expect(answer.body).toMatchObject({
      data: [],
      pagination: { page: 9, totalPages: 1, hasNextPage: false },
    });
  });

  test('pages are of 20 unless asked otherwise', async () => {
    const { list } = await withUsers(25);
    const answer = await list('');
    expect(answer.body.data).toHaveLength(20);
    expect(answer.body.pagination).toMatchObject({ page: 1, pageSize: 20, totalPages: 2 });
  });

  test('search is by the beginning of name or address, in any case, and takes wildcards as they are', async () => {
    const { api, list } = await withUsers(3);
    await api.addUser({ name: '100% Ada', email: 'lovelace@example.org' });
    for (const search of ['100%', 'LOVEL', '100% a', 'lovelace@example.org']) {
      const answer = await list(new URLSearchParams({ search }).toString());
      expect(
        answer.body.data.map(({ name }: { name: string }) => name),
        search,
      ).toEqual(['100% Ada']);
      expect(answer.body.pagination).toMatchObject({ totalCount: 1, totalCountIsExact: true });
    }
    for (const search of ['%', '_ovelace', 'ada', '\\']) {
      expect((await list(new URLSearchParams({ search }).toString())).body.data, search).toEqual([]);
    }
  });

  /** Some found by address, some by name, some by both; names that differ by case or not at all. */
  async function withMatches() {
    const { api, list } = await withUsers(5);
    const made = [
      ['zoe-2@example.org', 'Anna'],
      ['zoe-1@example.org', 'zoe by both'],
      ['zoe-3@example.org', 'Berta'],
      ['x-1@example.org', 'Zoe'],
      ['x-2@example.org', 'zoe'],
      ['x-3@example.org', 'ZOE'],
      ['x-4@example.org', 'Zoe Last'],
      ['x-5@example.org', 'Not Zoe'],
    ] as const;
    for (const [email, name] of made) await api.addUser({ email, name, role: 'manager' });
    await api.addUser({ email: 'zoe-4@example.org', name: 'Zoe', role: 'user' });
    return { api, list };
  }
  const emailsOf = (answer: { body: { data: { email: string }[] } }) =>
    answer.body.data.map(({ email }) => email.split('@')[0]);
  const byAddress = ['zoe-1', 'zoe-2', 'zoe-3', 'zoe-4'];
  const byName = ['x-1', 'x-2', 'x-3', 'x-4'];

  test('search gives the matches of the address, in its order, then those of the name that are not among them', async () => {
    const { list } = await withMatches();
    expect(emailsOf(await list('search=zoe'))).toEqual([...byAddress, ...byName]);
    expect(emailsOf(await list('search=zoe&role=manager'))).toEqual([...byAddress.slice(0, 3), ...byName]);
    expect(emailsOf(await list('search=zoe&role=user'))).toEqual(['zoe-4']);
    expect(emailsOf(await list('search=ZOE%20l'))).toEqual(['x-4']);
    expect(emailsOf(await list('search=zoe%20B'))).toEqual(['zoe-1']);
  });

  test.each(['search=zoe', 'search=zoe&role=manager'])(
    '%s: pages of every size give the same rows by number and by cursor, each once',
    async (filter) => {
      const { list } = await withMatches();
      const all = emailsOf(await list(filter));
      for (let pageSize = 1; pageSize <= all.length + 1; pageSize += 1) {
        const [paged, followed]: (string | undefined)[][] = [[], []];
        let query = `${filter}&pageSize=${pageSize}`;
        for (let page = 1; page <= Math.ceil(all.length / pageSize); page += 1) {
          const byNumber = await list(`${filter}&pageSize=${pageSize}&page=${page}`);
          paged?.push(...emailsOf(byNumber));
          const byCursor = await list(query);
          followed?.push(...emailsOf(byCursor));
          expect(byCursor.body.pagination).toEqual(byNumber.body.pagination);
          expect(byNumber.body.pagination).toMatchObject({
            page,
            totalCount: all.length,
            totalCountIsExact: true,
          });
          query = `${filter}&pageSize=${pageSize}&cursor=${byCursor.body.pagination.nextCursor}`;
        }
        expect(paged, `pages of ${pageSize}`).toEqual(all);
        expect(followed, `pages of ${pageSize}`).toEqual(all);
      }
      expect((await list(`${filter}&pageSize=3&page=9`)).body).toMatchObject({
        data: [],
        pagination: { totalCount: all.length, hasNextPage: false, nextCursor: null },
      });
    },
  );

  test('rows that come and go while a search is followed by cursor make none repeat and none be skipped', async () => {
    const { api, list } = await withMatches();
    const seen: (string | undefined)[] = [];
    let query = 'search=zoe&pageSize=2';
    for (let page = 1; ; page += 1) {
      const answer = await list(query);
      seen.push(...emailsOf(answer));
      const { nextCursor } = answer.body.pagination;
      if (nextCursor === null) break;
      // Before and behind the place where we are, in both halves; and every other time the row that the cursor stands on goes.
      await api.addUser({ email: `zoe-0${page}@example.org`, name: 'Anna' });
      await api.addUser({ email: `a-${page}@example.org`, name: 'zoe' });
      const last = answer.body.data.at(-1);
      if (page % 2 === 0) {
        await api.db.write().update(users).set({ deletedAt: new Date() }).where(eq(users.id, last.id));
      }
      query = `search=zoe&pageSize=2&cursor=${nextCursor}`;
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining([...byAddress, ...byName]));
  });

  test('a search counts to its cap and says so; without one the count is exact', async () => {
    const { api, list } = await withUsers(2);
    await api.db
      .write()
      .insert(users)
      .values(
        Array.from({ length: COUNT_CAP + 5 }, (_, index) => ({
          email: index % 2 === 0 ? `many-${index}@example.org` : `x-${index}@example.org`,
          name: index % 3 === 0 || index % 2 === 1 ? 'many' : 'Other',
        })),
      );
    const capped = { totalCount: COUNT_CAP, totalCountIsExact: false, totalPages: COUNT_CAP / 20 };
    expect((await list('search=many')).body.pagination).toMatchObject(capped);
    expect((await list('search=many-&role=user')).body.pagination).toMatchObject({ totalCountIsExact: true });
    const all = { totalCount: COUNT_CAP + 5 + 2, totalCountIsExact: true };
    expect((await list('')).body.pagination).toMatchObject(all);
    expect((await list('role=user')).body.pagination).toMatchObject({
      ...all,
      totalCount: COUNT_CAP + 5 + 1,
    });
    // Beyond the cap the pages go on.
    const { body } = await list(`search=many&pageSize=100&page=${COUNT_CAP / 100 + 1}`);
    expect(body.data).toHaveLength(5);
    expect(body.pagination).toMatchObject({ totalCount: COUNT_CAP + 5, hasNextPage: false });
  });

  test('by role', async () => {
    const { api, list } = await withUsers(3);
    const manager = await api.addUser({ role: 'manager' });
    expect(idsOf(await list('role=manager'))).toEqual([manager.id]);
    expect((await list('role=nobody')).body.pagination.totalCount).toBe(0);
  });

  test.each([
    ['page', 'page=0'],
    ['page', 'page=-1'],
    ['page', 'page=1.5'],
    ['page', 'page='],
    ['page', 'page=1&page=2'],
    ['page', 'page=99999999999'],
    ['page', 'page=2&cursor=WzEsIngiLDJd'],
    ['pageSize', 'pageSize=101'],
    ['pageSize', 'pageSize=1e2'],
    ['pageSize', 'pageSize=0'],
    ['cursor', 'cursor=nonsense'],
    ['cursor', `cursor=${'A'.repeat(2001)}`],
    ['search', 'search='],
    ['search', 'search=%20'],
    ['search', 'search=a%00b'],
    ['search', `search=${'a'.repeat(201)}`],
    ['role', 'role=a%20b'],
    ['role', 'role='],
    ['sort', 'sort=name'],
    ['search[$ne]', 'search[$ne]=1'],
  ])('a bad query is refused naming %s: %s', async (field, query) => {
    const { list } = await withUsers(2);
    expect(await list(query)).toMatchObject({
      status: 400,
      body: { error: { code: 'VALIDATION_ERROR', field } },
    });
  });

  test('a cursor of another order, of other filters, or changed by hand is refused', async () => {
    const { list } = await withUsers(4);
    const filters = ['', 'role=user', 'search=user', 'search=use', 'search=user&role=user'];
    for (const made of filters) {
      const { nextCursor } = (await list(`pageSize=1&${made}`)).body.pagination;
      const tampered = `${nextCursor.slice(0, -3)}${nextCursor.endsWith('AAA') ? 'BBB' : 'AAA'}`;
      for (const used of filters) {
        const isSame = made === used;
        expect((await list(`cursor=${nextCursor}&${used}`)).status, `${made} → ${used}`).toBe(
          isSame ? 200 : 400,
        );
      }
      expect(await list(`cursor=${tampered}&${made}`)).toMatchObject({
        status: 400,
        body: { error: { code: 'VALIDATION_ERROR', field: 'cursor' } },
      });
    }
  });
});
