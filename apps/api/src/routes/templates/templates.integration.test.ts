import { auditLogs, emailSends, emailTemplates } from '@sv-sdk/db';
import { like } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApi, type TestApi } from '../../testing/api.ts';
import { statementsDuring } from '../../testing/statements.ts';

const TEMPLATES = '/api/v1/templates';
const MISSING = '01900000-0000-7000-8000-000000000000';
const inText = (html: string) =>
  `<mjml><mj-body><mj-section><mj-column>\n<mj-text>${html}</mj-text>\n</mj-column></mj-section></mj-body></mjml>`;
const shipped = () => ({
  name: `order_shipped_${crypto.randomUUID().replaceAll('-', '')}`,
  subject: 'Order {{orderNumber}}',
  mjml: inText('Your order {{orderNumber}} is on its way.'),
  variables: ['orderNumber'],
});

// One for all: each test makes templates of its own.
let api: TestApi;
let admin: Awaited<ReturnType<TestApi['addCaller']>>;
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  api = await startTestApi({ atEnd: (close) => closing.push(close) });
  admin = await api.addCaller('admin');
});
afterAll(async () => {
  for (const close of closing) await close();
});

/** By an admin. */
const request = (method: string, path: string, body?: object) =>
  api.call(method, path, { token: admin.token, ...(body !== undefined && { body }) });
async function create(body: object) {
  const answer = await request('POST', TEMPLATES, body);
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
  return answer.body.data;
}
/** Accepted: with which version; refused: by which field. */
async function send(template: string, locale: string, variables: object) {
  const answer = await request('POST', '/api/v1/emails', {
    to: 'ada@example.org',
    template,
    locale,
    variables,
  });
  if (answer.status !== 202) return answer.body.error.field;
  const rows = await api.db.write().select().from(emailSends);
  return rows.find(({ id }) => id === answer.body.data.ids[0])?.templateId;
}
const newestOf = async (name: string) => (await request('GET', `${TEMPLATES}?name=${name}`)).body.data[0].id;
async function auditOf(name: string) {
  const rows = await api.db
    .write()
    .select({ eventType: auditLogs.eventType, userId: auditLogs.userId, metadata: auditLogs.metadata })
    .from(auditLogs)
    .where(like(auditLogs.eventType, 'template.%'))
    .orderBy(auditLogs.createdAt, auditLogs.id);
  return rows.filter(({ metadata }) => metadata['name'] === name);
}

describe('a template', () => {
  test('is made, shown, changed to a next version and taken out of use, each with its audit row', async () => {
    const template = shipped();
    const made = await create(template);
    expect(made).toMatchObject({
      ...template,
      locale: 'en',
      version: 1,
      kind: 'transactional',
      holdsSecrets: false,
      isActive: true,
      createdBy: admin.user.id,
    });
    expect((await request('GET', `${TEMPLATES}/${made.id}`)).body.data).toEqual(made);

    const changed = await request('PATCH', `${TEMPLATES}/${made.id}`, {
      subject: 'On its way: {{orderNumber}}',
    });
    expect(changed).toMatchObject({
      status: 200,
      body: { data: { ...template, subject: 'On its way: {{orderNumber}}', version: 2, isActive: true } },
    });
    expect(changed.body.data.id).not.toBe(made.id);
    expect((await request('GET', `${TEMPLATES}/${made.id}`)).body.data).toEqual(made);

    expect((await request('DELETE', `${TEMPLATES}/${made.id}`)).status).toBe(200);
    const rows = await request('GET', `${TEMPLATES}?name=${template.name}`);
    expect(rows.body.data).toMatchObject([
      { version: 2, isActive: false },
      { version: 1, isActive: false },
    ]);

    const again = await create(template);
    expect(again.version).toBe(3);
    const of = { name: template.name, locale: 'en' };
    expect(await auditOf(template.name)).toMatchObject([
      { eventType: 'template.created', userId: admin.user.id, metadata: { ...of, version: 1 } },
      { eventType: 'template.updated', metadata: { ...of, version: 2, changed: ['subject'] } },
      { eventType: 'template.deleted', metadata: { ...of, versions: [2, 1] } },
      { eventType: 'template.created', metadata: { ...of, version: 3 } },
    ]);
  });

  test('is used from the moment of its answer on, whatever was kept of the one before', async () => {
    const variables = { orderNumber: 4711 };
    const template = shipped();
    const { name } = template;
    expect(await send(name, 'en', variables)).toBe('template');
    const first = await create(template);
    expect(await send(name, 'en', variables)).toBe(first.id);
    expect(await send(name, 'en', {})).toBe('variables.orderNumber');

    const second = (await request('PATCH', `${TEMPLATES}/${first.id}`, { subject: 'Sent' })).body.data;
    expect(await send(name, 'en', variables)).toBe(second.id);
    const french = await create({ ...template, locale: 'fr-ca' });
    expect(french.locale).toBe('fr-CA');
    expect(await send(name, 'fr-CA', variables)).toBe(french.id);
    expect(await send(name, 'fr-FR', variables)).toBe(second.id);

    // Back to the first, and forth again.
    await request('PATCH', `${TEMPLATES}/${second.id}`, { isActive: false });
    expect(await send(name, 'en', variables)).toBe(first.id);
    await request('PATCH', `${TEMPLATES}/${second.id}`, { isActive: true });
    expect(await send(name, 'en', variables)).toBe(second.id);
    // A version that waits to be used.
    const body = { subject: 'Third', isActive: false };
    const third = (
      await request('PATCH', `${TEMPLATES}/${second.id}`, { ...body, variables: [], mjml: inText('x') })
    ).body.data;
    expect(await send(name, 'en', variables)).toBe(second.id);
    await request('PATCH', `${TEMPLATES}/${third.id}`, { isActive: true });
    expect(await send(name, 'en', variables)).toBe(third.id);
    await request('DELETE', `${TEMPLATES}/${first.id}`);
    expect(await send(name, 'en', variables)).toBe('template');
    expect(await send(name, 'fr-CA', variables)).toBe(french.id);
  });

  test('that is kept is not looked up for each email', async () => {
    const { name } = await create(shipped());
    await send(name, 'en', { orderNumber: 1 });
    const statements = await statementsDuring(() => send(name, 'en', { orderNumber: 2 }));
    expect(statements.filter((statement) => statement.includes('email_templates'))).toEqual([]);
  });

  test.each([
    ['no MJML', { mjml: 'Dear {{orderNumber}}' }, 'mjml', 'must begin with <mjml>'],
    ['an unknown element', { mjml: inText('</mj-text><mj-oops />') }, 'mjml', 'line 2'],
    ['raw output', { mjml: inText('{{{orderNumber}}}') }, 'mjml', 'line 2: raw output'],
    ['a loop', { mjml: inText('{{#each orderNumber}}x{{/each}}') }, 'mjml', 'line 2: allowed are'],
    [
      'mj-include',
      { mjml: '<mjml><mj-body><mj-include path="/etc/passwd" /></mj-body></mjml>' },
      'mjml',
      'mj-include',
    ],
    ['an undeclared variable', { variables: [] }, 'variables', '{{orderNumber}} is used and not declared'],
    ['an unused variable', { variables: ['orderNumber', 'b'] }, 'variables', '"b" is declared and not used'],
    ['a subject of two lines', { subject: 'Hi\r\nBcc: eve@example.org' }, 'subject', 'control characters'],
    ['no link to unsubscribe', { kind: 'marketing' }, 'mjml', 'must show {{unsubscribeUrl}}'],
    ['a name with a colon', { name: 'a:b' }, 'name', 'must be of a-z'],
    ['a locale that is none', { locale: 'x' }, 'locale', 'must be a language tag'],
    ['too much MJML', { mjml: inText('x'.repeat(200_000)) }, 'mjml', '200000'],
  ])('with %s is refused with its field, and nothing is written', async (_, overrides, field, message) => {
    const template = shipped();
    const answer = await request('POST', TEMPLATES, { ...template, ...overrides });
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'VALIDATION_ERROR', field } } });
    expect(JSON.stringify(answer.body.error)).toContain(JSON.stringify(message).slice(1, -1));
    const rows = await api.db.write().select().from(emailTemplates);
    expect(rows.filter(({ name }) => name === template.name || name === 'a:b')).toEqual([]);
  });

  test('is refused with all that is wrong with it at once', async () => {
    const body = { ...shipped(), mjml: inText('<script>x</script>{{b}}'), subject: 'x', variables: ['a'] };
    const { error } = (await request('POST', TEMPLATES, body)).body;
    expect(error.details).toEqual([
      { field: 'mjml', message: '<script> is not allowed' },
      { field: 'variables', message: '{{b}} is used and not declared' },
      { field: 'variables', message: '"a" is declared and not used' },
    ]);
  });

  test('exists once for a name and locale; of five who make it at once one does', async () => {
    const template = shipped();
    const answers = await Promise.all(Array.from({ length: 5 }, () => request('POST', TEMPLATES, template)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409, 409, 409, 409]);
    expect(answers.find(({ status }) => status === 409)?.body.error.code).toBe('CONSTRAINT_VIOLATION');
  });

  test('is changed by one of two who both saw the same version', async () => {
    const { id } = await create(shipped());
    const answers = await Promise.all(
      ['A {{orderNumber}}', 'B {{orderNumber}}'].map((subject) =>
        request('PATCH', `${TEMPLATES}/${id}`, { subject }),
      ),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    const late = answers.find(({ status }) => status === 409)?.body.error;
    expect(late).toMatchObject({
      code: 'CONSTRAINT_VIOLATION',
      message: expect.stringContaining('version 2'),
    });
  });

  test.each([
    [{}, 'body'],
    [{ version: 7 }, 'version'],
    [{ name: 'other' }, 'name'],
  ])('is not changed by %j', async (body, field) => {
    const { id } = await create(shipped());
    const answer = await request('PATCH', `${TEMPLATES}/${id}`, body);
    expect(answer).toMatchObject({ status: 400, body: { error: { field } } });
  });

  test.each(['GET', 'PATCH', 'DELETE'])('that is not there is a 404 to %s', async (method) => {
    const body = method === 'PATCH' ? { subject: 'x' } : undefined;
    expect((await request(method, `${TEMPLATES}/${MISSING}`, body)).status).toBe(404);
  });
});

describe('the platform’s own templates', () => {
  test.each(['verification_email', 'password_reset', 'notification'])('%s stays in use', async (name) => {
    const id = await newestOf(name);
    const refusals = [
      await request('DELETE', `${TEMPLATES}/${id}`),
      await request('PATCH', `${TEMPLATES}/${id}`, { isActive: false }),
    ];
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ status: 409, body: { error: { code: 'CONSTRAINT_VIOLATION' } } });
    }
    // A second version may go, as long as the first is there, and another locale altogether.
    const { variables, mjml, holdsSecrets } = (await request('GET', `${TEMPLATES}/${id}`)).body.data;
    const next = (await request('PATCH', `${TEMPLATES}/${id}`, { subject: 'Mine' })).body.data;
    expect((await request('PATCH', `${TEMPLATES}/${next.id}`, { isActive: false })).status).toBe(200);
    const german = await create({ name, locale: 'de', subject: 'Hi', mjml, variables, holdsSecrets });
    expect((await request('DELETE', `${TEMPLATES}/${german.id}`)).status).toBe(200);
  });

  test('ask for no more than the platform has to give, and keep their secrets', async () => {
    const path = `${TEMPLATES}/${await newestOf('password_reset')}`;
    const { mjml, variables } = (await request('GET', path)).body.data;
    const more = { mjml: mjml.replace('Hello', 'Hello {{nickname}}'), variables: [...variables, 'nickname'] };
    expect((await request('PATCH', path, more)).body.error).toMatchObject({ field: 'variables' });
    expect((await request('PATCH', path, { holdsSecrets: false })).body.error).toMatchObject({
      field: 'holdsSecrets',
    });
    expect((await request('PATCH', path, { kind: 'marketing' })).body.error).toMatchObject({ field: 'kind' });
    const less = {
      mjml: mjml.replace('{{expiresIn}}', 'one hour'),
      variables: variables.filter((name: string) => name !== 'expiresIn'),
    };
    expect((await request('PATCH', path, less)).status).toBe(200);
    const { user } = await api.addCaller('user');
    const asked = await api.call('POST', '/api/v1/auth/request-password-reset', {
      body: { email: user.email },
    });
    expect(asked.status).toBeLessThan(300);
  });
});

describe('a preview', () => {
  const attack = `<script>alert(1)</script>"'`;

  test('shows subject, HTML and text as they would be sent, with values escaped', async () => {
    const { id } = await create(shipped());
    const path = `${TEMPLATES}/${id}/preview`;
    const { status, headers, body } = await request('POST', path, {
      variables: { orderNumber: `${attack}\r\nX: y` },
    });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^application\/json/);
    expect(body.data.subject).toBe(`Order ${attack} X: y`);
    expect(body.data.html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;');
    expect(body.data.html).not.toContain('<script');
    expect(body.data.text).toBe(`Your order ${attack}\r\nX: y is on its way.`);
  });

  test('says which variable is missing', async () => {
    const { id } = await create(shipped());
    const answer = await request('POST', `${TEMPLATES}/${id}/preview`, { variables: {} });
    expect(answer).toMatchObject({ status: 400, body: { error: { field: 'variables.orderNumber' } } });
  });

  test('of a draft says what is wrong with it, or shows it, and writes nothing', async () => {
    const before = await api.db.write().select().from(emailTemplates);
    const path = `${TEMPLATES}/preview`;
    const draft = {
      subject: 'Hi {{name}}',
      mjml: inText('Dear {{name}}, {{other}}'),
      variables: { name: 'Ada' },
    };
    expect((await request('POST', path, draft)).body.error).toMatchObject({
      code: 'VALIDATION_ERROR',
      field: 'variables',
    });
    const mended = await request('POST', path, { ...draft, mjml: inText('Dear {{name}}') });
    expect(mended.body.data).toMatchObject({ subject: 'Hi Ada', text: 'Dear Ada' });
    const marketing = await request('POST', path, {
      ...draft,
      mjml: inText('Dear {{name}} <a href="{{unsubscribeUrl}}">Unsubscribe</a>'),
      kind: 'marketing',
    });
    expect(marketing.body.data.text).toBe('Dear Ada Unsubscribe <http://localhost:3000/unsubscribe/preview>');
    expect(await api.db.write().select().from(emailTemplates)).toEqual(before);
    expect(await auditOf('draft')).toEqual([]);
  });
});

test('lists are filtered, and go on after a cursor', async () => {
  const template = shipped();
  const { name } = template;
  await create(template);
  await create({ ...template, locale: 'de' });
  const list = async (query: string) => (await request('GET', `${TEMPLATES}?${query}`)).body;
  expect((await list(`name=${name}`)).data.map(({ locale }: { locale: string }) => locale)).toEqual([
    'de',
    'en',
  ]);
  expect((await list(`name=${name}&locale=DE`)).data).toMatchObject([{ name, locale: 'de' }]);
  expect((await list('kind=marketing')).data).toMatchObject([{ name: 'marketing' }]);
  expect((await list(`name=${name}&isActive=false`)).data).toEqual([]);
  expect((await list(`name=${name}`)).data[0]).not.toHaveProperty('mjml');
  const seen: string[] = [];
  let page = await list('pageSize=5');
  for (let guard = 0; guard < 100; guard += 1) {
    seen.push(...page.data.map(({ id }: { id: string }) => id));
    if (page.pagination.nextCursor === null) break;
    page = await list(`pageSize=5&cursor=${page.pagination.nextCursor}`);
  }
  const rows = await api.db.write().select().from(emailTemplates);
  expect(seen.toSorted()).toEqual(rows.map(({ id }) => id).toSorted());
});
