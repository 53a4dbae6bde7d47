import { hashApiKey, verifyPassword } from '@sv-sdk/auth';
import { startTestRedis, type TestRedis } from '@sv-sdk/queue/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_EMAIL, runOnTerminal, startTestSdk, type TestSdk } from '../testing/sdk.ts';

let redis: TestRedis;

beforeAll(async () => {
  redis = await startTestRedis('cache');
});

afterAll(() => redis.stop());

async function startDevSdk(): Promise<TestSdk> {
  const sdk = await startTestSdk();
  Object.assign(sdk.environment, {
    SV_ENV: 'development',
    REDIS_URL: redis.url.replace(/:[^:@]+@/, '@'),
    REDIS_PASSWORD: redis.password,
  });
  return sdk;
}

const emails = async (sdk: TestSdk): Promise<string[]> =>
  (
    await sdk.query(
      "select email from auth.users where email not like '%.invalid' and deleted_at is null order by email",
    )
  ).map(({ email }) => email);

const DEMO = ['demo-admin@example.org', 'demo-manager@example.org', 'demo-user@example.org'];

test('dev setup makes demo accounts whose printed passwords work; again changes nothing', async () => {
  const sdk = await startDevSdk();
  const first = await sdk.json(['dev', 'setup']);
  expect(first).toMatchObject({ exitCode: 0, answer: { ok: true, administrator: ADMIN_EMAIL } });
  expect(await emails(sdk)).toEqual([ADMIN_EMAIL, ...DEMO]);
  for (const { email, role, password } of first.answer.accounts) {
    const [row] = await sdk.query(
      `select a.password, u.role, r.name as granted, u.email_verified from auth.users u
       join auth.accounts a on a.user_id = u.id join permissions.user_roles g on g.user_id = u.id
       join permissions.roles r on r.id = g.role_id where email = $1`,
      [email],
    );
    expect(row).toMatchObject({ role, granted: role, email_verified: true });
    expect(await verifyPassword(row.password, password)).toBe(true);
  }
  const again = await sdk.json(['dev', 'setup']);
  expect(again.answer.accounts.map(({ password }: { password: unknown }) => password)).toEqual([
    null,
    null,
    null,
  ]);
  const [{ users, created }] = await sdk.query(
    `select (select count(*)::int from auth.users) as users, (select count(*)::int from audit.audit_logs
       where event_type = 'user.created' and metadata->>'by' = 'sdk dev setup') as created`,
  );
  // The administrator, the load tests' caller, three demo accounts and the made-up.
  expect({ users, created }).toEqual({ users: 205, created: 3 });
});

test('dev reset wipes everything, ends who is signed in on every instance, and sets up again', async () => {
  const sdk = await startDevSdk();
  const [tokenHash, keyHash] = [hashApiKey('token'), hashApiKey('key')];
  await sdk.query("insert into auth.users (id, email, name) values ('u', 'person@company.io', 'P')");
  await sdk.query(
    "insert into auth.sessions (id, user_id, token, expires_at) values ('s', 'u', $1, now() + interval '1 day')",
    [tokenHash],
  );
  await sdk.query(
    "insert into auth.api_keys (id, user_id, name, prefix, hash) values ('k', 'u', 'k', 'sv_k', $1)",
    [keyHash],
  );
  const [role] = await sdk.query("select id from permissions.roles where name = 'user'");
  const cache = new Redis(redis.url);
  await cache.set('user:u', '{}');
  const { exitCode, answer } = await sdk.json(['dev', 'reset', '--yes']);
  expect({ exitCode, answer }).toMatchObject({ exitCode: 0, answer: { ok: true } });
  expect(await cache.get('user:u')).toBeNull();
  cache.disconnect();
  expect(await emails(sdk)).toEqual([ADMIN_EMAIL, ...DEMO]);
  expect(await sdk.query('select from auth.sessions')).toEqual([]);
  const stale = (await sdk.query('select unnest(keys) as key from auth.stale_cache_keys')).map(
    ({ key }) => key,
  );
  expect(stale).toEqual(
    expect.arrayContaining([
      `session:${tokenHash}`,
      `api_key:${keyHash}`,
      'permissions:u',
      `role:${role.id}`,
    ]),
  );
  expect(await sdk.query("select from audit.audit_logs where event_type = 'platform.reset'")).toHaveLength(1);
  expect(await sdk.query('select sequence::int from audit.chain_head')).toEqual([{ sequence: 0 }]);
  expect(await sdk.query('select sum(live)::int as users from auth.user_counts')).toEqual([{ users: 205 }]);
});

test.each([['setup'], ['reset', '--yes']])(
  'dev %s refuses on production, which is what nothing says',
  async (...args) => {
    const sdk = await startDevSdk();
    await sdk.query("insert into auth.users (id, email, name) values ('u', 'a@example.org', 'A')");
    for (const env of [{ SV_ENV: 'production' }, { SV_ENV: '' }]) {
      const { exitCode, stderr } = await sdk.run(['dev', ...args], { env });
      expect(exitCode).toBe(1);
      expect(stderr).toContain('SV_ENV is production');
    }
    expect(await emails(sdk)).toEqual(['a@example.org']);
  },
);

test('dev setup refuses beside real users; dev reset asks', async () => {
  const sdk = await startDevSdk();
  await sdk.query("insert into auth.users (id, email, name) values ('u', 'person@company.io', 'P')");
  expect(await sdk.json(['dev', 'setup'])).toMatchObject({
    exitCode: 1,
    answer: { error: expect.stringContaining('--force') },
  });
  expect(await sdk.run(['dev', 'reset'])).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('--yes'),
  });
  const refused = await runOnTerminal(sdk, ['dev', 'reset'], [{ to: '[y/N]', type: 'n\r' }]);
  expect(refused).toMatchObject({ exitCode: 1, screen: expect.stringContaining('nothing was changed') });
  expect(await sdk.query("select from auth.users where id = 'u'")).toHaveLength(1);
});
