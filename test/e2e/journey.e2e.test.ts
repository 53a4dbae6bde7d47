import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { call, eventually, query, signIn } from './client.ts';
import { secret, startStack, urls } from './stack.ts';

let token: string;
beforeAll(async () => {
  await startStack();
  token = await signIn();
});

const replicaReads = async () => (await query('sum(sv_db_reads_total{target="replica"})'))[0]?.value ?? 0;

test('a user that was created is read back at once, and from the replica by others', async () => {
  const before = await replicaReads();
  const email = `${randomUUID()}@example.org`;
  const created = await call('POST', '/api/v1/users', {
    token,
    body: { email, name: 'Ada Lovelace', password: `pass-${randomUUID()}` },
  });
  expect(created.status, JSON.stringify(created.body)).toBe(201);
  const { id } = created.body.data;

  const own = await call('GET', `/api/v1/users/${id}`, { token });
  expect(own.body.data).toMatchObject({ id, email, name: 'Ada Lovelace' });

  // The load-test key is another principal, with no write of its own to wait for.
  await eventually(
    () => call('GET', `/api/v1/users/${id}`, { apiKey: secret('load_api_key') }),
    ({ status }) => status === 200,
    { seconds: 5, what: 'the user read through the replica' },
  );
  await eventually(replicaReads, (reads) => reads > before, {
    seconds: 30,
    what: 'reads counted at the replica',
  });
});

test('an email is accepted, sent by a worker and found in the catcher, in one row', async () => {
  const to = `${randomUUID()}@example.org`;
  const accepted = await call('POST', '/api/v1/emails', {
    token,
    body: {
      to,
      template: 'notification',
      variables: { name: 'Ada', title: 'Engine <b>ready</b>', message: 'It runs.' },
    },
  });
  expect(accepted.status, JSON.stringify(accepted.body)).toBe(202);
  const [id] = accepted.body.data.ids;

  const sent = await eventually(
    () => call('GET', `/api/v1/emails/${id}`, { token }),
    ({ body }) => body.data?.status === 'sent',
    { seconds: 30, what: 'the email sent' },
  );
  expect(sent.body.data).toMatchObject({ id, provider: 'smtp', messageId: expect.any(String) });

  const response = await fetch(`${urls.maildev}/api/email`);
  const mails = (await response.json()) as { to: { address: string }[]; html: string; subject: string }[];
  const mail = mails.filter((candidate) => candidate.to.some(({ address }) => address === to));
  expect(mail).toHaveLength(1);
  expect(mail[0]?.html).toContain('It runs.');
  expect(mail[0]?.html).toContain('Engine &lt;b&gt;ready&lt;/b&gt;');
});

test('signing up, a session, an API key: each opens what it should and is refused once ended', async () => {
  const email = `${randomUUID()}@example.org`;
  const password = `pass-${randomUUID()}`;
  const signUp = await call('POST', '/api/v1/auth/signup', { body: { email, password, name: 'Grace' } });
  expect(signUp.status).toBe(201);
  const login = await call('POST', '/api/v1/auth/login', { body: { email, password } });
  expect(login.status).toBe(200);
  expect(login.body.data).toMatchObject({
    token: expect.any(String),
    expiresAt: expect.any(String),
    user: { email },
  });
  const own = login.body.data.token;

  expect((await call('GET', '/api/v1/users', { token: own })).status).toBe(403);

  const key = await call('POST', '/api/v1/auth/api-keys', { token: own, body: { name: 'e2e' } });
  expect(key.status).toBe(201);
  const apiKey = key.body.data.key;
  const userId = login.body.data.user.id;
  expect((await call('GET', `/api/v1/users/${userId}`, { apiKey })).status).toBe(200);
  expect(
    (await call('DELETE', `/api/v1/auth/api-keys/${key.body.data.id}`, { token: own })).status,
  ).toBeLessThan(300);
  expect((await call('GET', `/api/v1/users/${userId}`, { apiKey })).status).toBe(401);

  expect((await call('POST', '/api/v1/auth/logout', { token: own })).status).toBe(200);
  expect((await call('GET', `/api/v1/users/${userId}`, { token: own })).status).toBe(401);
});
