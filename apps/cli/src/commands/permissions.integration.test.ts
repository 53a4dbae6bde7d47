import { expect, test } from 'vitest';
import { startTestSdk, type TestSdk } from '../testing/sdk.ts';

async function addUser(sdk: TestSdk, email: string, role: string): Promise<string> {
  const args = ['auth', 'create', '--email', email, '--name', 'Somebody', '--role', role, '--generate'];
  return (await sdk.json(args)).answer.user.id;
}

const events = async (sdk: TestSdk) =>
  (await sdk.query("select event_type from audit.audit_logs where event_type like 'role.%' order by id")).map(
    ({ event_type }) => event_type,
  );

test('permissions assign grants and takes away, once each, with audit rows and a stale key', async () => {
  const sdk = await startTestSdk();
  const id = await addUser(sdk, 'a@example.org', 'user');
  await sdk.query('delete from auth.stale_cache_keys');
  const assign = async (...more: string[]) =>
    await sdk.json(['permissions', 'assign', 'a@example.org', 'manager', ...more]);
  const changed = { ok: true, userId: id, role: 'manager', isHeld: true, isChanged: true };
  expect(await assign()).toEqual({ exitCode: 0, answer: changed });
  expect(await sdk.query('select keys from auth.stale_cache_keys')).toEqual([
    { keys: [`permissions:${id}`] },
  ]);
  expect(await assign()).toEqual({ exitCode: 0, answer: { ...changed, isChanged: false } });
  expect(await assign('--remove')).toEqual({ exitCode: 0, answer: { ...changed, isHeld: false } });
  expect(await assign('--remove')).toMatchObject({ exitCode: 0, answer: { isChanged: false } });
  expect(await events(sdk)).toEqual(['role.granted', 'role.revoked']);
  const rows = await sdk.query(
    "select user_id, metadata from audit.audit_logs where event_type like 'role.%'",
  );
  for (const { user_id, metadata } of rows) {
    expect(user_id).toBeNull();
    expect(metadata).toMatchObject({ by: 'sdk permissions assign', targetUserId: id, role: 'manager' });
  }
});

test('permissions assign: neither the main role nor the last super_admin is taken away', async () => {
  const sdk = await startTestSdk();
  await addUser(sdk, 'a@example.org', 'user');
  const remove = (role: string) => sdk.json(['permissions', 'assign', 'a@example.org', role, '--remove']);
  expect(await remove('user')).toMatchObject({
    exitCode: 1,
    answer: { error: expect.stringContaining('main role') },
  });
  await sdk.run(['permissions', 'assign', 'a@example.org', 'super_admin']);
  expect(await remove('super_admin')).toMatchObject({
    exitCode: 1,
    answer: { error: expect.stringContaining('last active super_admin') },
  });
  expect(await events(sdk)).toEqual(['role.granted']);
});

test.each([
  ['nobody@example.org', 'user', 'there is no user nobody@example.org'],
  ['a@example.org', 'nope', 'there is no role nope'],
])('permissions assign %s %s is refused', async (user, role, message) => {
  const sdk = await startTestSdk();
  await addUser(sdk, 'a@example.org', 'user');
  const { exitCode, answer } = await sdk.json(['permissions', 'assign', user, role]);
  expect(exitCode).toBe(1);
  expect(answer.error).toContain(message);
});

test('permissions list shows every role, or those of a user', async () => {
  const sdk = await startTestSdk();
  await addUser(sdk, 'a@example.org', 'manager');
  const all = await sdk.json(['permissions', 'list']);
  expect(all.answer.roles.map(({ name }: { name: string }) => name)).toEqual([
    'admin',
    'load_test',
    'manager',
    'super_admin',
    'user',
  ]);
  const { answer } = await sdk.json(['permissions', 'list', '--user', 'a@example.org']);
  expect(answer.roles).toMatchObject([{ name: 'manager', isSystem: true }]);
  expect(answer.user).toMatchObject({ email: 'a@example.org', role: 'manager' });
  const { stdout } = await sdk.run(['permissions', 'list']);
  expect(stdout).toMatch(/^super_admin +system +\*:\*:\*$/m);
});

test('permissions check: 0 if all is allowed, 1 if anything is not, 2 if it is no permission', async () => {
  const sdk = await startTestSdk();
  const id = await addUser(sdk, 'a@example.org', 'manager');
  const check = (...permissions: string[]) => sdk.json(['permissions', 'check', id, ...permissions]);
  expect(await check('read:any:user', 'update:own:user')).toMatchObject({
    exitCode: 0,
    answer: { ok: true },
  });
  expect(await check('read:any:user', 'delete:any:user')).toMatchObject({
    exitCode: 1,
    answer: {
      ok: false,
      results: [
        { permission: 'read:any:user', allowed: true },
        { permission: 'delete:any:user', allowed: false },
      ],
    },
  });
  expect(await check('read:any')).toMatchObject({ exitCode: 2, answer: { ok: false } });
  await sdk.query('update auth.users set is_active = false where id = $1', [id]);
  expect(await check('read:any:user')).toMatchObject({ exitCode: 1, answer: { ok: false, isActive: false } });
});
