import { hashApiKey, verifyPassword } from '@sv-sdk/auth';
import { describe, expect, test } from 'vitest';
import { runOnTerminal, startTestSdk, type TestSdk } from '../testing/sdk.ts';

const PASSWORD = 'correct horse battery';

async function addUser(sdk: TestSdk, email: string, role = 'user'): Promise<string> {
  const args = ['auth', 'create', '--email', email, '--name', 'Somebody', '--role', role, '--password-stdin'];
  const { exitCode, answer } = await sdk.json(args, { input: PASSWORD });
  if (exitCode !== 0) throw new Error(`making ${email} was answered with ${JSON.stringify(answer)}`);
  return answer.user.id;
}

const staleKeys = async (sdk: TestSdk): Promise<string[]> =>
  (await sdk.query('select unnest(keys) as key from auth.stale_cache_keys')).map(({ key }) => key);

const auditRows = (sdk: TestSdk, eventType: string) =>
  sdk.query('select user_id, metadata from audit.audit_logs where event_type = $1', [eventType]);

describe('auth create', () => {
  test('makes a user with a role, whose password from standard input works, and its audit row', async () => {
    const sdk = await startTestSdk();
    const id = await addUser(sdk, 'Ada@Example.org', 'manager');
    const [row] = await sdk.query(
      `select u.email, u.role, u.email_verified, a.password, r.name as granted from auth.users u
       join auth.accounts a on a.user_id = u.id join permissions.user_roles g on g.user_id = u.id
       join permissions.roles r on r.id = g.role_id where u.id = $1`,
      [id],
    );
    expect(row).toMatchObject({ email: 'ada@example.org', role: 'manager', email_verified: true });
    expect(row.granted).toBe('manager');
    expect(await verifyPassword(row.password, PASSWORD)).toBe(true);
    expect(await auditRows(sdk, 'user.created')).toEqual([
      {
        user_id: null,
        metadata: expect.objectContaining({
          by: 'sdk auth create',
          targetUserId: id,
          email: 'a***@example.org',
        }),
      },
    ]);
    expect(await staleKeys(sdk)).toContain(`permissions:${id}`);
  });

  test('--generate prints a password that works; nothing else does', async () => {
    const sdk = await startTestSdk();
    const args = ['auth', 'create', '--email', 'a@example.org', '--name', 'A', '--generate', '--unverified'];
    const { stdout, exitCode } = await sdk.run(args);
    expect(exitCode).toBe(0);
    const password = /password +(\S+)/.exec(stdout)?.[1] ?? '';
    const [row] = await sdk.query(
      'select password, email_verified from auth.accounts join auth.users on users.id = user_id',
    );
    expect(row.email_verified).toBe(false);
    expect(await verifyPassword(row.password, password)).toBe(true);
  });

  test('on a terminal the password is asked twice and never shown', async () => {
    const sdk = await startTestSdk();
    const args = ['auth', 'create', '--email', 'a@example.org', '--name', 'A'];
    const { exitCode, screen } = await runOnTerminal(sdk, args, [
      { to: 'Password: ', type: `${PASSWORD}\r` },
      { to: 'The same again: ', type: `${PASSWORD}\r` },
    ]);
    expect({ exitCode, screen }).toMatchObject({ exitCode: 0 });
    expect(screen).not.toContain('horse');
    const [row] = await sdk.query('select password from auth.accounts');
    expect(await verifyPassword(row.password, PASSWORD)).toBe(true);
  });

  test('Ctrl-C at the question ends with 130, without a user', async () => {
    const sdk = await startTestSdk();
    const args = ['auth', 'create', '--email', 'a@example.org', '--name', 'A'];
    const { exitCode, screen } = await runOnTerminal(sdk, args, [{ to: 'Password: ', type: 'corr\u0003' }]);
    expect({ exitCode, screen }).toEqual({
      exitCode: 130,
      screen: expect.stringMatching(/^Password: \s+sdk: interrupted\s*$/),
    });
    expect(await sdk.query('select from auth.users')).toEqual([]);
  });

  test.each([
    [['--email', 'nonsense', '--name', 'A', '--generate'], 2, '--email'],
    [['--email', 'a@example.org', '--name', ' ', '--generate'], 2, '--name'],
    [['--email', 'a@example.org', '--generate'], 2, '--name'],
    [['--email', 'a@example.org', '--name', 'A'], 2, '--password-stdin or --generate'],
    [['--email', 'a@example.org', '--name', 'A', '--generate', '--password-stdin'], 2, '--generate and'],
    [['--email', 'a@example.org', '--name', 'A', '--password-stdin'], 2, 'from 12 to 128'],
    [
      ['--email', 'a@example.org', '--name', 'A', '--role', 'nope', '--generate'],
      1,
      '--role: there is no role',
    ],
    [['--email', 'a@example.org', '--name', 'A', '--password', PASSWORD], 2, '--password'],
  ])('%j is refused with %i, by the name of the option, and changes nothing', async (args, code, named) => {
    const sdk = await startTestSdk();
    const { exitCode, stdout, stderr } = await sdk.run(['auth', 'create', ...args], { input: 'short' });
    expect({ exitCode, stdout }).toEqual({ exitCode: code, stdout: '' });
    expect(stderr).toContain(named);
    expect(stderr).not.toContain('at ');
    expect(await sdk.query('select from auth.users')).toEqual([]);
    expect(await sdk.query('select from audit.audit_logs')).toEqual([]);
  });

  test('a taken address is refused, whatever its case', async () => {
    const sdk = await startTestSdk();
    await addUser(sdk, 'a@example.org');
    const args = ['auth', 'create', '--email', 'A@EXAMPLE.ORG', '--name', 'B', '--generate'];
    expect(await sdk.json(args)).toEqual({
      exitCode: 1,
      answer: { ok: false, error: '--email: a@example.org is taken' },
    });
  });
});

describe('auth list', () => {
  test('filters and pages, newest first, in at most 100 columns', async () => {
    const sdk = await startTestSdk();
    const longest = `${'l'.repeat(60)}@${'long'.repeat(10)}.example.org`;
    for (const [email, role] of [
      ['one@example.org', 'user'],
      ['two@example.org', 'manager'],
      [longest, 'super_admin'],
    ] as const)
      await addUser(sdk, email, role);
    const listed = async (...args: string[]) => {
      const { answer } = await sdk.json(['auth', 'list', ...args]);
      return [answer.totalCount, ...answer.users.map(({ email }: { email: string }) => email)];
    };
    expect(await listed()).toEqual([3, longest, 'two@example.org', 'one@example.org']);
    expect(await listed('--role', 'manager')).toEqual([1, 'two@example.org']);
    expect(await listed('--search', 'ONE')).toEqual([1, 'one@example.org']);
    expect(await listed('--search', '%')).toEqual([0]);
    expect(await listed('--inactive')).toEqual([0]);
    expect(await listed('--page', '2', '--page-size', '2')).toEqual([3, 'one@example.org']);
    const { stdout } = await sdk.run(['auth', 'list']);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(stdout).not.toContain(PASSWORD);
  });

  test.each([
    ['--page', '0'],
    ['--page-size', '1001'],
    ['--page', '1e3'],
  ])('%s %s: used wrongly', async (...args) => {
    const sdk = await startTestSdk();
    const { exitCode, stderr } = await sdk.run(['auth', 'list', ...args]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(new RegExp(`option '${args[0]} .*whole number from 1 to`));
  });

  test('control characters of a name in the database reach no terminal', async () => {
    const sdk = await startTestSdk();
    const id = await addUser(sdk, 'a@example.org');
    await sdk.query("update auth.users set role = E'\\x1b]0;owned\\x07' where id = $1", [id]);
    const { stdout } = await sdk.run(['auth', 'list']);
    expect(stdout).toContain('owned');
    expect(stdout).not.toMatch(/(?!\n)\p{Cc}/u);
  });
});

describe('auth delete', () => {
  test('ends the user, sessions and keys, on every instance, with its audit row', async () => {
    const sdk = await startTestSdk();
    const id = await addUser(sdk, 'a@example.org');
    const tokenHash = hashApiKey('token');
    const keyHash = hashApiKey('key');
    await sdk.query(
      "insert into auth.sessions (id, user_id, token, expires_at) values ('s', $1, $2, now() + interval '1 day')",
      [id, tokenHash],
    );
    await sdk.query(
      "insert into auth.api_keys (id, user_id, name, prefix, hash) values ('k', $1, 'k', 'sv_k', $2)",
      [id, keyHash],
    );
    await sdk.query('delete from auth.stale_cache_keys');
    const { exitCode, answer } = await sdk.json(['auth', 'delete', 'A@example.org', '--yes']);
    expect({ exitCode, answer }).toEqual({
      exitCode: 0,
      answer: { ok: true, id, email: 'a@example.org', endedSessions: 1, revokedApiKeys: 1 },
    });
    expect(
      await sdk.query(
        `select is_active, deleted_at is null as is_alive, (select count(*)::int from auth.sessions) as sessions,
                (select count(*)::int from auth.api_keys where revoked_at is null) as keys from auth.users`,
      ),
    ).toEqual([{ is_active: false, is_alive: false, sessions: 0, keys: 0 }]);
    expect((await staleKeys(sdk)).toSorted()).toEqual(
      [
        `api_key:${keyHash}`,
        `permissions:${id}`,
        `session:${tokenHash}`,
        `user:${id}`,
        'user_list:*',
        'user_list:user',
      ].toSorted(),
    );
    expect(await auditRows(sdk, 'user.deleted')).toMatchObject([
      { user_id: null, metadata: { by: 'sdk auth delete', targetUserId: id } },
    ]);
    // And only once.
    const again = await sdk.json(['auth', 'delete', id, '--yes']);
    expect(again).toEqual({ exitCode: 1, answer: { ok: false, error: `there is no user ${id}` } });
    expect(await auditRows(sdk, 'user.deleted')).toHaveLength(1);
  });

  test('the last active super_admin stays', async () => {
    const sdk = await startTestSdk();
    const first = await addUser(sdk, 'a@example.org', 'super_admin');
    await addUser(sdk, 'b@example.org', 'super_admin');
    expect((await sdk.run(['auth', 'delete', 'b@example.org', '--yes'])).exitCode).toBe(0);
    const { exitCode, stderr } = await sdk.run(['auth', 'delete', first, '--yes']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('a@example.org is the last active super_admin');
    expect(await auditRows(sdk, 'user.deleted')).toHaveLength(1);
  });

  test('asks, and does nothing for a no or where nobody can be asked', async () => {
    const sdk = await startTestSdk();
    const id = await addUser(sdk, 'a@example.org');
    const unasked = await sdk.run(['auth', 'delete', id]);
    expect(unasked).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--yes') });
    const refused = await runOnTerminal(sdk, ['auth', 'delete', id], [{ to: '[y/N]', type: '\r' }]);
    expect(refused).toMatchObject({ exitCode: 1, screen: expect.stringContaining('nothing was changed') });
    expect(await sdk.query('select from auth.users where deleted_at is null')).toHaveLength(1);
    const agreed = await runOnTerminal(sdk, ['auth', 'delete', id], [{ to: '[y/N]', type: 'y\r' }]);
    expect(agreed.exitCode).toBe(0);
    expect(await sdk.query('select from auth.users where deleted_at is null')).toEqual([]);
  });
});

test('auth set-password gives a new password, ends all sessions, and is in the audit log', async () => {
  const sdk = await startTestSdk();
  const id = await addUser(sdk, 'ada@example.org');
  await sdk.query(
    `insert into auth.sessions (id, user_id, token, expires_at) values ('one', $1, 'hash', now() + interval '1 day')`,
    [id],
  );
  const next = 'another battery, another horse';
  const { exitCode, answer } = await sdk.json(
    ['auth', 'set-password', 'ada@example.org', '--password-stdin'],
    {
      input: next,
    },
  );
  expect(answer).toEqual({ ok: true, id, email: 'ada@example.org', endedSessions: 1 });
  expect(exitCode).toBe(0);
  const [row] = await sdk.query('select password from auth.accounts where user_id = $1', [id]);
  expect(await verifyPassword(row.password, next)).toBe(true);
  expect(await auditRows(sdk, 'user.password_changed')).toHaveLength(1);
  expect(await staleKeys(sdk)).toContain('session:hash');
});
