import { auditLogs, emailPreferences, users } from '@sv-sdk/db';
import { ensurePreferences, ONE_CLICK_BODY } from '@sv-sdk/email';
import { desc, eq, like } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { startTestApi, type TestApiOptions } from '../../testing/api.ts';

const FORM = 'application/x-www-form-urlencoded';
const ADDRESS = 'ada@example.org';

async function start(options: TestApiOptions = {}) {
  const api = await startTestApi(options);
  await api.db.withTx((tx) => ensurePreferences(tx, [ADDRESS]));
  const preferences = async () => {
    const [row] = await api.db
      .write()
      .select()
      .from(emailPreferences)
      .where(eq(emailPreferences.email, ADDRESS));
    if (row === undefined) throw new Error('there are no preferences');
    return row;
  };
  const { unsubscribeToken: token } = await preferences();
  /** By a browser or a mail program, which follow no redirect here. */
  const visit = async (init: RequestInit = {}, path = token) => {
    const response = await fetch(`${api.url}/unsubscribe/${path}`, { redirect: 'manual', ...init });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  return {
    ...api,
    preferences,
    token,
    visit,
    click: (action: string) =>
      visit({ method: 'POST', headers: { 'content-type': FORM }, body: `action=${action}` }),
    audits: () =>
      api.db
        .write()
        .select()
        .from(auditLogs)
        .where(like(auditLogs.eventType, 'email.%'))
        .orderBy(desc(auditLogs.id)),
  };
}
const oneClick: RequestInit = { method: 'POST', headers: { 'content-type': FORM }, body: ONE_CLICK_BODY };

describe('the link in an email', () => {
  test('shows a page with a button, and changes nothing, however often a scanner follows it', async () => {
    const api = await start();
    const page = await api.visit();
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.text).toContain('a•••@example.org');
    expect(page.text).not.toContain(ADDRESS);
    expect(page.text).toContain('value="unsubscribe"');
    for (const method of ['GET', 'HEAD', 'OPTIONS']) await api.visit({ method });
    expect(await api.preferences()).toMatchObject({ marketing: true, unsubscribedAt: null });
    expect(await api.audits()).toEqual([]);
  });

  test('loads nothing, runs nothing, is in no frame, no index, no cache and no Referer', async () => {
    const api = await start();
    const { headers, text } = await api.visit();
    const csp = headers.get('content-security-policy') ?? '';
    expect(csp).toContain("default-src 'none'");
    expect(csp).toContain("frame-ancestors 'none'");
    expect(csp).toContain("form-action 'self'");
    expect(csp).not.toContain('script-src');
    expect(csp).not.toContain('unsafe-inline');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(text).toContain('<meta name="robots" content="noindex">');
    expect(text).not.toMatch(/<script|https?:|src=/);
  });

  test('unsubscribes and subscribes again at a click, each with its record', async () => {
    const api = await start();
    const gone = await api.click('unsubscribe');
    expect(gone).toMatchObject({ status: 303 });
    expect(new URL(gone.headers.get('location') ?? '', `${api.url}/unsubscribe/x`).pathname).toBe(
      `/unsubscribe/${api.token}`,
    );
    expect(await api.preferences()).toMatchObject({ marketing: false, unsubscribedAt: expect.any(Date) });
    const page = await api.visit();
    expect(page.text).toContain('You are unsubscribed');
    expect(page.text).toContain('value="resubscribe"');
    await api.click('resubscribe');
    expect(await api.preferences()).toMatchObject({ marketing: true, unsubscribedAt: null });
    expect((await api.audits()).map(({ eventType }) => eventType)).toEqual([
      'email.resubscribed',
      'email.unsubscribed',
    ]);
  });

  test.each([
    ['of nobody', 'x'.repeat(43)],
    ['that was cut', 'x'.repeat(20)],
    ['with something else', '%27%20or%20true--'],
  ])('%s gets a page that says so', async (_, path) => {
    const api = await start();
    for (const init of [{}, oneClick]) {
      const { status, text } = await api.visit(init, path);
      expect(status).toBe(404);
      expect(text).toContain('This link does not work');
    }
    expect(await api.preferences()).toMatchObject({ marketing: true });
  });
});

describe('one click in a mail program (RFC 8058)', () => {
  const multipart = new FormData();
  multipart.set('List-Unsubscribe', 'One-Click');
  test.each([
    ['a form', oneClick],
    ['multipart/form-data', { method: 'POST', body: multipart }],
    ['nothing', { method: 'POST' }],
    [
      'a browser of another site',
      { ...oneClick, headers: { 'content-type': FORM, origin: 'https://mail.example' } },
    ],
  ] satisfies [string, RequestInit][])('as %s unsubscribes at once, without a redirect', async (_, init) => {
    const api = await start();
    const { status, text } = await api.visit(init);
    expect(status).toBe(200);
    expect(text).toContain('You are unsubscribed');
    expect(await api.preferences()).toMatchObject({ marketing: false });
  });

  test('that comes twice is recorded once, and keeps the first moment', async () => {
    const api = await start();
    await api.visit(oneClick);
    const first = await api.preferences();
    expect((await api.visit(oneClick)).status).toBe(200);
    expect(await api.preferences()).toEqual(first);
    expect(await api.audits()).toMatchObject([
      { eventType: 'email.unsubscribed', userId: null, metadata: { preferencesId: first.id } },
    ]);
  });

  test('is never turned away for how many others came from the same address; everything else is', async () => {
    const api = await start({ rateLimits: { limits: { addressPerMinute: 3 } } });
    for (let times = 0; times < 5; times += 1) expect((await api.visit(oneClick)).status).toBe(200);
    for (let times = 0; times < 3; times += 1) expect((await api.visit()).status).toBe(200);
    expect((await api.visit()).status).toBe(429);
  });

  test('with a body that no form has is refused', async () => {
    const api = await start();
    const { status } = await api.visit({ ...oneClick, body: 'x'.repeat(20_000) });
    expect(status).toBe(400);
    expect(await api.preferences()).toMatchObject({ marketing: true });
  });
});

describe("one's own address", () => {
  const PREFERENCES = '/api/v1/email-preferences';

  test('is subscribed until its owner says otherwise, in a link or here', async () => {
    const api = await start();
    const user = await api.addUser({ email: ADDRESS });
    const { token } = await api.signIn(user);
    const get = async () => (await api.call('GET', PREFERENCES, { token })).body.data;
    expect(await get()).toEqual({ email: ADDRESS, marketing: true, unsubscribedAt: null });
    const off = await api.call('PATCH', PREFERENCES, { token, body: { marketing: false } });
    expect(off.body.data).toMatchObject({ marketing: false, unsubscribedAt: expect.any(String) });
    expect(await api.preferences()).toMatchObject({ marketing: false });
    expect((await api.audits())[0]).toMatchObject({ eventType: 'email.unsubscribed', userId: user.id });
    await api.click('resubscribe');
    expect(await get()).toMatchObject({ marketing: true });
  });

  test('that nobody has mailed yet gets its preferences at the first change', async () => {
    const api = await start();
    const { user, token } = await api.addCaller('user');
    await api.call('PATCH', PREFERENCES, { token, body: { marketing: false } });
    const rows = await api.db
      .write()
      .select()
      .from(emailPreferences)
      .where(eq(emailPreferences.email, user.email));
    expect(rows).toMatchObject([{ marketing: false }]);
  });

  test('is not subscribed again by who has not proven that it is theirs', async () => {
    const api = await start({ requireEmailVerification: false });
    await api.visit(oneClick);
    const stranger = await api.addUser({ email: ADDRESS, emailVerified: false });
    const { token } = await api.signIn(stranger);
    const answer = await api.call('PATCH', PREFERENCES, { token, body: { marketing: true } });
    expect(answer).toMatchObject({ status: 403, body: { error: { code: 'PERMISSION_DENIED' } } });
    expect(await api.preferences()).toMatchObject({ marketing: false });
    await api.db.write().update(users).set({ emailVerified: true }).where(eq(users.id, stranger.id));
    expect((await api.call('PATCH', PREFERENCES, { token, body: { marketing: true } })).status).toBe(200);
  });
});
