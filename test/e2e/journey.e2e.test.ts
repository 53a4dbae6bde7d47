import { randomUUID } from 'node:crypto';
import { ApiFailure, type Client } from '@sv-sdk/client';
import { beforeAll, expect, test } from 'vitest';
import { clientOf, eventually, query, signIn } from './client.ts';
import { secret, startStack, urls } from './stack.ts';

let admin: Client;
beforeAll(async () => {
  await startStack();
  admin = clientOf({ token: await signIn() });
});

const replicaReads = async () => (await query('sum(sv_db_reads_total{target="replica"})'))[0]?.value ?? 0;

interface Mail {
  readonly to: { address: string }[];
  readonly html: string;
  readonly text: string;
}

/** What the catcher has for an address. */
async function mailsTo(to: string): Promise<Mail[]> {
  const response = await fetch(`${urls.maildev}/api/email`);
  const mails = (await response.json()) as Mail[];
  return mails.filter((candidate) => candidate.to.some(({ address }) => address === to));
}

/** The link to a page, and the token in it, once its mail has arrived. */
async function mailedLink(to: string, page: string): Promise<{ url: string; token: string }> {
  const pattern = new RegExp(`https?://\\S+/${page}#token=([A-Za-z0-9_-]{43})`);
  const found = await eventually(
    async () => (await mailsTo(to)).map(({ text }) => pattern.exec(text)).find((match) => match !== null),
    (match) => match !== undefined,
    { seconds: 30, what: `a mail with a link to ${page}` },
  );
  return { url: found?.[0] ?? '', token: found?.[1] ?? '' };
}

const newAddress = () => `${randomUUID()}@example.org`;

test('a user that was created is read back at once, and found through the replica by others', async () => {
  const before = await replicaReads();
  const email = newAddress();
  const { data: created } = await admin.post('/api/v1/users', {
    body: { email, name: 'Ada Lovelace', password: `pass-${randomUUID()}` },
  });
  const { data: own } = await admin.get('/api/v1/users/{id}', { params: { path: { id: created.id } } });
  expect(own).toMatchObject({ id: created.id, email, name: 'Ada Lovelace' });

  // The load-test key is another principal, with no write of its own to wait for.
  const other = clientOf({ apiKey: secret('load_api_key') });
  await eventually(
    () => other.get('/api/v1/users', { params: { query: { search: email } } }),
    ({ data }) => data.some(({ id }) => id === created.id),
    { seconds: 5, what: 'the user found through the replica' },
  );
  await eventually(replicaReads, (reads) => reads > before, {
    seconds: 30,
    what: 'reads counted at the replica',
  });
});

test('an email is accepted, sent by a worker and found in the catcher, in one row', async () => {
  const to = newAddress();
  const { data: accepted } = await admin.post('/api/v1/emails', {
    body: {
      to,
      template: 'notification',
      variables: { name: 'Ada', title: 'Engine <b>ready</b>', message: 'It runs.' },
    },
  });
  const [id = ''] = accepted.ids;
  const { data: sent } = await eventually(
    () => admin.get('/api/v1/emails/{id}', { params: { path: { id } } }),
    ({ data }) => data.status === 'sent',
    { seconds: 30, what: 'the email sent' },
  );
  expect(sent).toMatchObject({ id, provider: 'smtp', messageId: expect.any(String) });

  const mail = await mailsTo(to);
  expect(mail).toHaveLength(1);
  expect(mail[0]?.html).toContain('It runs.');
  expect(mail[0]?.html).toContain('Engine &lt;b&gt;ready&lt;/b&gt;');
});

test('signing up, a session, an API key: each opens what it should and is refused once ended', async () => {
  const [email, password] = [newAddress(), `pass-${randomUUID()}`];
  const stranger = clientOf();
  await stranger.post('/api/v1/auth/signup', { body: { email, password, name: 'Grace' } });
  const signInNow = () => stranger.post('/api/v1/auth/login', { body: { email, password } });
  await expect(signInNow()).rejects.toMatchObject({ status: 401 });
  const link = await mailedLink(email, 'verify-email');
  await stranger.post('/api/v1/auth/verify-email', { body: { token: link.token } });
  // The page that the link leads to is there, behind nginx, too.
  const page = await fetch(urls.http + new URL(link.url).pathname);
  expect(page.headers.get('content-type')).toContain('text/html');
  const { data: login } = await signInNow();
  expect(login).toMatchObject({
    token: expect.any(String),
    expiresAt: expect.any(String),
    user: { email },
  });
  const own = clientOf({ token: login.token });
  await expect(own.get('/api/v1/users')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });

  const { data: key } = await own.post('/api/v1/auth/api-keys', { body: { name: 'e2e' } });
  const machine = clientOf({ apiKey: key.key });
  const self = { params: { path: { id: login.user.id } } };
  expect((await machine.get('/api/v1/users/{id}', self)).data.email).toBe(email);
  await own.delete('/api/v1/auth/api-keys/{id}', { params: { path: { id: key.id } } });
  await eventually(
    () => machine.get('/api/v1/users/{id}', self).catch((error: unknown) => error),
    (answer) => answer instanceof ApiFailure && answer.code === 'AUTHENTICATION_ERROR',
    { seconds: 2, what: 'the revoked key refused by every instance' },
  );

  await own.post('/api/v1/auth/logout');
  await eventually(
    () => own.get('/api/v1/users/{id}', self).catch((error: unknown) => error),
    (answer) => answer instanceof ApiFailure && answer.code === 'SESSION_ERROR',
    { seconds: 2, what: 'the ended session refused by every instance' },
  );
});

test('a forgotten password: the mailed link sets a new one and ends every session', async () => {
  const [email, password] = [newAddress(), `pass-${randomUUID()}`];
  await admin.post('/api/v1/users', { body: { email, name: 'Ada', password } });
  const stranger = clientOf();
  const signInBy = (secretText: string) =>
    stranger.post('/api/v1/auth/login', { body: { email, password: secretText } });
  const before = clientOf({ token: (await signInBy(password)).data.token });

  await stranger.post('/api/v1/auth/request-password-reset', { body: { email } });
  const { token } = await mailedLink(email, 'reset-password');
  const reset = () =>
    stranger.post('/api/v1/auth/reset-password', { body: { token, password: 'a new password' } });
  await reset();
  await expect(reset()).rejects.toMatchObject({ status: 401 });

  await eventually(
    () => before.get('/api/v1/auth/session').catch((error: unknown) => error),
    (answer) => answer instanceof ApiFailure && answer.status === 401,
    { seconds: 2, what: 'the session of before refused by every instance' },
  );
  await expect(signInBy(password)).rejects.toMatchObject({ status: 401 });
  expect((await signInBy('a new password')).status).toBe(200);
});
