/** The platform is never without an active super_admin: nobody could make another one. */
import { roles, userRoles, users } from '@sv-sdk/db';
import { and, eq, isNull, sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { type Answer, startTestApi, type TestApi } from '../../testing/api.ts';

type Removal = (api: TestApi, token: string, userId: string) => Promise<Answer>;

const patch =
  (body: object): Removal =>
  (api, token, userId) =>
    api.call('PATCH', `/api/v1/users/${userId}`, { token, body });

/** For users whose main role is super_admin. */
const removals: Record<string, Removal> = {
  deleting: (api, token, userId) => api.call('DELETE', `/api/v1/users/${userId}`, { token }),
  deactivating: patch({ isActive: false }),
  demoting: patch({ role: 'user' }),
};

/** For users who have it beside another role. */
const revoking: Removal = async (api, token, userId) => {
  const [role] = await api.db.write().select().from(roles).where(eq(roles.name, 'super_admin'));
  return api.call('DELETE', `/api/v1/users/${userId}/roles/${role?.id}`, { token });
};

const LAST = { status: 409, body: { error: { code: 'CONSTRAINT_VIOLATION' } } };

async function activeSuperAdmins(api: TestApi): Promise<string[]> {
  const rows = await api.db
    .write()
    .select({ id: users.id })
    .from(users)
    .innerJoin(userRoles, eq(userRoles.userId, users.id))
    .innerJoin(roles, and(eq(roles.id, userRoles.roleId), eq(roles.name, 'super_admin')))
    .where(and(eq(users.isActive, true), isNull(users.deletedAt)));
  return rows.map(({ id }) => id);
}

/** A user of whom super_admin is not the main role. */
async function addExtraSuperAdmin(api: TestApi, giver: { token: string }) {
  const user = await api.addUser({ role: 'user' });
  const body = { role: 'super_admin' };
  const granted = await api.call('POST', `/api/v1/users/${user.id}/roles`, { token: giver.token, body });
  if (granted.status !== 201) throw new Error(JSON.stringify(granted.body));
  return { user, token: (await api.signIn(user)).token };
}

describe('the last one is kept, also from themselves', () => {
  test.each(Object.entries(removals))('by %s', async (_, remove) => {
    const api = await startTestApi();
    const { user, token } = await api.addCaller('super_admin');
    // They don't count: one may not sign in, the other is gone.
    const [inactive, deleted] = [
      await api.addUser({ role: 'super_admin' }),
      await api.addUser({ role: 'super_admin' }),
    ];
    await api.db.write().update(users).set({ isActive: false }).where(eq(users.id, inactive.id));
    await api.db.write().update(users).set({ deletedAt: new Date() }).where(eq(users.id, deleted.id));

    expect(await remove(api, token, user.id)).toMatchObject(LAST);
    expect(await activeSuperAdmins(api)).toEqual([user.id]);
    // And the session still works: nothing was half done.
    expect((await api.call('GET', `/api/v1/users/${user.id}`, { token })).status).toBe(200);
    expect((await removals['deleting']?.(api, token, inactive.id))?.status).toBe(200);
  });

  test('by revoking', async () => {
    const api = await startTestApi();
    const root = await api.addCaller('super_admin');
    const last = await addExtraSuperAdmin(api, root);
    expect((await removals['demoting']?.(api, last.token, root.user.id))?.status).toBe(200);
    expect(await revoking(api, last.token, last.user.id)).toMatchObject(LAST);
    expect(await activeSuperAdmins(api)).toEqual([last.user.id]);
  });
});

test('a change that leaves them what they are is none of this', async () => {
  const api = await startTestApi();
  const { user, token } = await api.addCaller('super_admin');
  const body = { name: 'Root', role: 'super_admin', isActive: true };
  expect((await api.call('PATCH', `/api/v1/users/${user.id}`, { token, body })).status).toBe(200);
});

test('while there is another one they can go', async () => {
  for (const remove of Object.values(removals)) {
    const api = await startTestApi();
    const [one, two] = [await api.addCaller('super_admin'), await api.addCaller('super_admin')];
    expect((await remove(api, one.token, two.user.id)).status).toBe(200);
    expect(await activeSuperAdmins(api)).toEqual([one.user.id]);
  }
});

describe('two who remove each other at the same moment: one of them stays', () => {
  const kinds = { ...removals, revoking };
  const pairs = Object.keys(kinds).flatMap((first) =>
    Object.keys(kinds).map((second) => [first, second] as const),
  );
  test.each(pairs)('%s and %s', async (first, second) => {
    const api = await startTestApi();
    const root = await api.addCaller('super_admin');
    const make = (kind: string) =>
      kind === 'revoking' ? addExtraSuperAdmin(api, root) : api.addCaller('super_admin');
    const [one, two] = [await make(second), await make(first)];
    expect((await removals['deleting']?.(api, one.token, root.user.id))?.status).toBe(200);

    // Whoever looks whether there is another one has to come by this row: both have begun before either may look.
    const answers = await api.db.withTx(async (tx) => {
      await tx.select().from(roles).where(eq(roles.name, 'super_admin')).for('update');
      const asked = [
        kinds[first as keyof typeof kinds](api, one.token, two.user.id),
        kinds[second as keyof typeof kinds](api, two.token, one.user.id),
      ];
      await expect.poll(() => waitingForLocks(api)).toBe(2);
      return asked;
    });
    const [a, b] = await Promise.all(answers);
    expect([a?.status, b?.status].toSorted()).toEqual([200, 409]);
    expect([a, b].find((answer) => answer?.status === 409)).toMatchObject(LAST);
    expect(await activeSuperAdmins(api)).toEqual([a?.status === 200 ? one.user.id : two.user.id]);
  });
});

async function waitingForLocks(api: TestApi): Promise<number> {
  const { rows } = await api.db.write().execute<{ waiting: number }>(
    sql`select count(*)::int as waiting from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`,
  );
  return rows[0]?.waiting ?? 0;
}

test('many who remove each other in a ring: at least one stays', async () => {
  const api = await startTestApi();
  const ring = await Promise.all(Array.from({ length: 6 }, () => api.addCaller('super_admin')));
  const kinds = Object.values(removals);
  const answers = await Promise.all(
    ring.map(({ token }, index) => {
      const next = ring[(index + 1) % ring.length];
      const remove = kinds[index % kinds.length];
      if (next === undefined || remove === undefined) throw new Error('the ring is broken');
      return remove(api, token, next.user.id);
    }),
  );
  const left = await activeSuperAdmins(api);
  expect(left.length).toBeGreaterThanOrEqual(1);
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(ring.length - left.length);
  for (const { status } of answers) expect([200, 401, 403, 409]).toContain(status);
});
