/** Nobody gets, by any chain of grants, roles, users and API keys, more than they hold. */
import { roles, userRoles, users } from '@sv-sdk/db';
import { allowsEvery, loadPermissions } from '@sv-sdk/permissions';
import { eq, isNull } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { PASSWORD, startTestApi, type TestApi } from '../../testing/api.ts';

type Credential = { token: string } | { apiKey: string };

const newUser = (more: object = {}) => ({
  email: `${crypto.randomUUID()}@example.org`,
  name: 'New',
  ...more,
});

/** Everything that decides what anybody may do, and who they are. */
async function everything(api: TestApi) {
  const db = api.db.write();
  const [allUsers, allRoles, allGrants] = await Promise.all([
    db
      .select({
        id: users.id,
        email: users.email,
        role: users.role,
        isActive: users.isActive,
        name: users.name,
      })
      .from(users)
      .orderBy(users.id),
    db.select().from(roles).orderBy(roles.id),
    db.select().from(userRoles).orderBy(userRoles.userId, userRoles.roleId),
  ]);
  return { allUsers, allRoles, allGrants };
}

async function createRole(api: TestApi, credential: Credential, name: string, permissions: string[]) {
  const answer = await api.call('POST', '/api/v1/roles', { ...credential, body: { name, permissions } });
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
  return answer.body.data as { id: string; name: string };
}

async function createKey(api: TestApi, token: string, scopes: string[]): Promise<Credential> {
  const answer = await api.call('POST', '/api/v1/auth/api-keys', { token, body: { name: 'key', scopes } });
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
  return { apiKey: answer.body.data.key };
}

const ADMINS_SCOPES = ['*:any:user', '*:any:role', '*:any:permission'];

/**
 * A super_admin, an admin, a role that an admin made and the super_admin then raised above admins, a user who has it,
 * and the id of everything that an attack may name.
 */
async function start() {
  const api = await startTestApi();
  const root = await api.addCaller('super_admin');
  const admin = await api.addCaller('admin');
  const raised = await createRole(api, { token: admin.token }, 'raised', ['read:any:user']);
  const holder = await api.addUser();
  const granted = await api.call('POST', `/api/v1/users/${holder.id}/roles`, {
    token: admin.token,
    body: { role: 'raised' },
  });
  const body = { permissions: ['read:any:user', 'delete:any:audit'] };
  const changed = await api.call('PATCH', `/api/v1/roles/${raised.id}`, { token: root.token, body });
  if (granted.status !== 201 || changed.status !== 200) throw new Error('the role was not raised');
  const [superAdmin] = await api.db.write().select().from(roles).where(eq(roles.name, 'super_admin'));
  if (superAdmin === undefined) throw new Error('there is no super_admin');
  return { api, root, admin, raised, holder, superAdminId: superAdmin.id };
}
type Stage = Awaited<ReturnType<typeof start>>;

/** Each is refused as it stands; `self` is the attacker's own user. */
const attacks: Record<string, (stage: Stage, self: string) => [string, string, object?]> = {
  'a role of everything': () => ['POST', '/api/v1/roles', { name: 'mine', permissions: ['*:*:*'] }],
  'a role of one thing not held': () => [
    'POST',
    '/api/v1/roles',
    { name: 'mine', permissions: ['read:any:user', 'delete:any:audit'] },
  ],
  'a role of all of one action': () => [
    'POST',
    '/api/v1/roles',
    { name: 'mine', permissions: ['read:any:*'] },
  ],
  'a role of all of one resource': () => [
    'POST',
    '/api/v1/roles',
    { name: 'mine', permissions: ['*:any:audit'] },
  ],
  'a role of any for own': () => ['POST', '/api/v1/roles', { name: 'mine', permissions: ['*:any:api_key'] }],
  'granting oneself super_admin': (_, self) => [
    'POST',
    `/api/v1/users/${self}/roles`,
    { role: 'super_admin' },
  ],
  'granting another super_admin': ({ holder }) => [
    'POST',
    `/api/v1/users/${holder.id}/roles`,
    { role: 'super_admin' },
  ],
  'granting oneself a role that was raised': (_, self) => [
    'POST',
    `/api/v1/users/${self}/roles`,
    { role: 'raised' },
  ],
  'super_admin as one’s main role': (_, self) => ['PATCH', `/api/v1/users/${self}`, { role: 'super_admin' }],
  'a new user with super_admin': () => [
    'POST',
    '/api/v1/users',
    newUser({ role: 'super_admin', password: PASSWORD }),
  ],
  'a new user with a role that was raised': () => [
    'POST',
    '/api/v1/users',
    newUser({ role: 'raised', password: PASSWORD }),
  ],
  'adding to a role that was raised': ({ raised }) => [
    'PATCH',
    `/api/v1/roles/${raised.id}`,
    { permissions: ['*:*:*'] },
  ],
  'taking from a role that was raised': ({ raised }) => [
    'PATCH',
    `/api/v1/roles/${raised.id}`,
    { permissions: [] },
  ],
  'renaming a role that was raised': ({ raised }) => [
    'PATCH',
    `/api/v1/roles/${raised.id}`,
    { name: 'other' },
  ],
  'deleting a role that was raised': ({ raised }) => ['DELETE', `/api/v1/roles/${raised.id}`],
  'revoking a role that was raised': ({ holder, raised }) => [
    'DELETE',
    `/api/v1/users/${holder.id}/roles/${raised.id}`,
  ],
  'revoking super_admin': ({ root, superAdminId }) => [
    'DELETE',
    `/api/v1/users/${root.user.id}/roles/${superAdminId}`,
  ],
  'the address of a super_admin': ({ root }) => [
    'PATCH',
    `/api/v1/users/${root.user.id}`,
    { email: 'mine@example.org' },
  ],
  'the address of one who was raised': ({ holder }) => [
    'PATCH',
    `/api/v1/users/${holder.id}`,
    { email: 'mine@example.org' },
  ],
  'demoting a super_admin': ({ root }) => ['PATCH', `/api/v1/users/${root.user.id}`, { role: 'user' }],
  'deactivating a super_admin': ({ root }) => ['PATCH', `/api/v1/users/${root.user.id}`, { isActive: false }],
  'deleting a super_admin': ({ root }) => ['DELETE', `/api/v1/users/${root.user.id}`],
  'a role for a super_admin': ({ root }) => ['POST', `/api/v1/users/${root.user.id}/roles`, { role: 'user' }],
};

describe.each(Object.entries(attacks))('%s is refused, and nothing is changed', (_, attack) => {
  test('of an admin', async () => {
    const stage = await start();
    const before = await everything(stage.api);
    const [method, path, body] = attack(stage, stage.admin.user.id);
    const answer = await stage.api.call(method, path, { token: stage.admin.token, body });
    expect(answer).toMatchObject({ status: 403, body: { error: { code: 'PERMISSION_DENIED' } } });
    expect(await everything(stage.api)).toEqual(before);
  });

  test('of an API key of a super_admin that is narrowed to what an admin may do', async () => {
    const stage = await start();
    const key = await createKey(stage.api, stage.root.token, ADMINS_SCOPES);
    const before = await everything(stage.api);
    const [method, path, body] = attack(stage, stage.root.user.id);
    const answer = await stage.api.call(method, path, { ...key, body });
    expect(answer).toMatchObject({ status: 403, body: { error: { code: 'PERMISSION_DENIED' } } });
    expect(await everything(stage.api)).toEqual(before);
  });
});

describe('an API key', () => {
  test('that may change users does not change its own user’s address, role or activity, who is above it', async () => {
    const { api, root } = await start();
    const key = await createKey(api, root.token, ADMINS_SCOPES);
    for (const body of [{ email: 'mine@example.org' }, { role: 'user' }, { isActive: false }]) {
      expect((await api.call('PATCH', `/api/v1/users/${root.user.id}`, { ...key, body })).status).toBe(403);
    }
    // What everybody may change of their own they may change with a key that is for it.
    const own = await createKey(api, root.token, ['read:own:user', 'update:own:user']);
    const body = { name: 'Renamed' };
    expect((await api.call('PATCH', `/api/v1/users/${root.user.id}`, { ...own, body })).status).toBe(200);
    const other = { ...own, body: { email: 'mine@example.org' } };
    expect((await api.call('PATCH', `/api/v1/users/${root.user.id}`, other)).status).toBe(403);
  });

  test('has no scope that its maker does not hold, and makes no other key', async () => {
    const { api, admin } = await start();
    for (const scopes of [
      ['*:*:*'],
      ['read:any:*'],
      ['delete:any:audit'],
      ['read:any:user', '*:any:api_key'],
    ]) {
      const answer = await api.call('POST', '/api/v1/auth/api-keys', {
        token: admin.token,
        body: { name: 'key', scopes },
      });
      expect(answer).toMatchObject({ status: 403, body: { error: { field: 'scopes' } } });
    }
    const key = await createKey(api, admin.token, ['*:own:api_key']);
    expect((await api.call('POST', '/api/v1/auth/api-keys', { ...key, body: { name: 'key' } })).status).toBe(
      403,
    );
  });

  test('loses what its user loses', async () => {
    const { api, root, admin } = await start();
    const key = await createKey(api, admin.token, ['read:any:user', 'update:any:user']);
    const mayList = async () => (await api.call('GET', '/api/v1/users', key)).status === 200;
    expect(await mayList()).toBe(true);
    await api.call('PATCH', `/api/v1/users/${admin.user.id}`, { token: root.token, body: { role: 'user' } });
    await expect.poll(mayList).toBe(false);
  });
});

test('whoever is below an admin changes, by any of their own rights, no role and no grant', async () => {
  const { api, raised, holder, superAdminId, root } = await start();
  for (const role of ['manager', 'user', 'load_test']) {
    const { user, token } = await api.addCaller(role);
    const before = await everything(api);
    for (const attack of Object.values(attacks)) {
      const stage = { api, raised, holder, superAdminId, root, admin: { user, token } };
      const [method, path, body] = attack(stage, user.id);
      const { status } = await api.call(method, path, { token, body });
      expect([403, 404], `${role}: ${method} ${path}`).toContain(status);
    }
    expect(await everything(api)).toEqual(before);
  }
});

describe('a hundred random steps of an admin and of all whom they make', () => {
  /** The same walk for a seed, at every run. */
  function randomOf(seed: number) {
    let state = seed;
    return (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
  }

  test.each([1, 2, 3])(
    'seed %d: nobody has more than the admin had, but those above from the start',
    async (seed) => {
      const { api, root, admin } = await start();
      const random = randomOf(seed);
      const pick = <T>(items: readonly T[]): T => {
        const item = items[random(items.length)];
        if (item === undefined) throw new Error('there is nothing to pick');
        return item;
      };
      const ceiling = await loadPermissions(api.db.write(), admin.user.id);
      const permissions = [
        ...ceiling,
        '*:*:*',
        'read:any:*',
        'delete:any:audit',
        '*:any:api_key',
        'read:own:email',
        'update:any:user',
      ];
      const isAbove = async (id: string) => !allowsEvery(ceiling, await loadPermissions(api.db.write(), id));
      const aboveAtStart = new Set<string>();
      for (const { id } of await api.db.write().select({ id: users.id }).from(users))
        if (await isAbove(id)) aboveAtStart.add(id);
      const rootBefore = (await api.db.write().select().from(users).where(eq(users.id, root.user.id)))[0];

      const credentials: Credential[] = [{ token: admin.token }, await createKey(api, root.token, ceiling)];
      let succeeded = 0;
      for (let step = 0; step < 100; step += 1) {
        const [allUsers, allRoles] = await Promise.all([
          api.db.write().select().from(users).where(isNull(users.deletedAt)).orderBy(users.id),
          api.db.write().select().from(roles).orderBy(roles.id),
        ]);
        const [user, role] = [pick(allUsers), pick(allRoles)];
        const some = Array.from({ length: random(3) }, () => pick(permissions));
        const own: [string, string, object?] = pick([
          ['POST', '/api/v1/roles', { name: `role_${step}`, permissions: some }],
          ['PATCH', `/api/v1/roles/${role.id}`, { permissions: some }],
          ['DELETE', `/api/v1/roles/${role.id}`],
          ['POST', `/api/v1/users/${user.id}/roles`, { role: role.name }],
          ['POST', `/api/v1/users/${user.id}/roles`, { role: role.name }],
          ['DELETE', `/api/v1/users/${user.id}/roles/${role.id}`],
          ['PATCH', `/api/v1/users/${user.id}`, { role: role.name }],
          ['PATCH', `/api/v1/users/${user.id}`, { email: `${seed}-${step}@example.org` }],
          [
            'POST',
            '/api/v1/users',
            { email: `new-${step}@example.org`, name: 'New', role: role.name, password: PASSWORD },
          ],
        ] as [string, string, object?][]);
        const [method, path, body] = own;
        const answer = await api.call(method, path, { ...pick(credentials), body });
        expect(answer.status, `${method} ${path}`).toBeLessThan(500);
        if (answer.status < 300) succeeded += 1;
        // Those whom they make act as well.
        if (answer.status === 201 && path === '/api/v1/users' && credentials.length < 6) {
          credentials.push({ token: (await api.signIn(answer.body.data)).token });
        }
      }
      for (const { id } of await api.db.write().select({ id: users.id }).from(users)) {
        if (!aboveAtStart.has(id)) expect(await isAbove(id), id).toBe(false);
      }
      const rootAfter = (await api.db.write().select().from(users).where(eq(users.id, root.user.id)))[0];
      expect(rootAfter).toEqual(rootBefore);
      // A walk against closed doors only would prove nothing.
      expect(succeeded).toBeGreaterThan(5);
    },
  );
});
