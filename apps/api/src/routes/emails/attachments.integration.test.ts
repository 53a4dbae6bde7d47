import { emailAttachments, emailSends } from '@sv-sdk/db';
import { asc, count } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { startTestApi } from '../../testing/api.ts';

const EMAILS = '/api/v1/emails';
const MAX_BYTES = 2 * 1024 * 1024;
const email = {
  to: 'ada@example.org',
  template: 'notification',
  variables: { name: 'Ada', title: 'Ready', message: 'It runs.' },
};
const base64 = (content: Buffer | string) => Buffer.from(content).toString('base64');
const text = { filename: 'notes.txt', contentType: 'text/plain', content: base64('hello') };
const ofBytes = (bytes: number) => ({ ...text, content: base64(Buffer.alloc(bytes, 'x')) });

async function start() {
  const api = await startTestApi();
  const { token } = await api.addCaller('manager');
  return { ...api, post: (body: unknown) => api.call('POST', EMAILS, { token, body }), token };
}

test('attachments are stored byte by byte, and shown without their content', async () => {
  const api = await start();
  const content = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
  const attachments = [
    { filename: 'Rechnung März.pdf', contentType: 'application/pdf', content: base64(content) },
    text,
  ];
  const { status, body } = await api.post({ ...email, attachments });
  expect(status).toBe(202);
  const rows = await api.db.write().select().from(emailAttachments).orderBy(asc(emailAttachments.position));
  expect(rows[0]?.content.equals(content)).toBe(true);
  const got = await api.call('GET', `${EMAILS}/${body.data.ids[0]}`, { token: api.token });
  expect(got.body.data.attachments).toEqual([
    { filename: 'Rechnung März.pdf', contentType: 'application/pdf', bytes: 256 },
    { filename: 'notes.txt', contentType: 'text/plain', bytes: 5 },
  ]);
});

test('all that may be attached is taken, and a byte more is refused with the field', async () => {
  const api = await start();
  const half = ofBytes(MAX_BYTES / 2);
  expect((await api.post({ ...email, attachments: [half, half] })).status).toBe(202);
  const more = await api.post({ ...email, attachments: [half, ofBytes(MAX_BYTES / 2 + 1)] });
  expect(more).toMatchObject({
    status: 400,
    body: { error: { code: 'VALIDATION_ERROR', field: 'attachments' } },
  });
  const one = await api.post({ emails: [email, { ...email, attachments: [ofBytes(MAX_BYTES + 1)] }] });
  expect(one).toMatchObject({ status: 400, body: { error: { field: 'emails[1].attachments' } } });
  const [sends] = await api.db.write().select({ count: count() }).from(emailSends);
  expect(sends?.count).toBe(1);
});

test('a body that no allowed attachments can fill is not read', async () => {
  const api = await start();
  const answer = await api.post({ ...email, attachments: [ofBytes(3 * 1024 * 1024)] });
  expect(answer).toMatchObject({ status: 400, body: { error: { code: 'VALIDATION_ERROR', field: 'body' } } });
});

test('no other route takes as much', async () => {
  const api = await start();
  const { token } = await api.addCaller('super_admin');
  const answer = await api.call('POST', '/api/v1/suppressions', {
    token,
    body: { email: 'ada@example.org', detail: 'x'.repeat(1024 * 1024) },
  });
  expect(answer).toMatchObject({ status: 400, body: { error: { field: 'body' } } });
});

test.each([
  ['more than ten', Array(11).fill(text), 'attachments'],
  ['a path', [{ ...text, filename: '../../etc/passwd' }], 'attachments[0].filename'],
  ['a path of Windows', [{ ...text, filename: 'C:\\boot.ini' }], 'attachments[0].filename'],
  [
    'a line break in the name',
    [{ ...text, filename: 'a\r\nBcc: eve@example.org' }],
    'attachments[0].filename',
  ],
  ['a name that reads backwards', [{ ...text, filename: 'invoice\u202efdp.exe' }], 'attachments[0].filename'],
  ['no name', [{ ...text, filename: '' }], 'attachments[0].filename'],
  ['no media type', [{ ...text, contentType: 'pdf' }], 'attachments[0].contentType'],
  ['a parameter', [{ ...text, contentType: 'text/plain; charset=utf-8' }], 'attachments[0].contentType'],
  ['a header in it', [{ ...text, contentType: 'text/plain\r\nX: y' }], 'attachments[0].contentType'],
  ['parts of its own', [{ ...text, contentType: 'Multipart/mixed' }], 'attachments[0].contentType'],
  ['no base64', [text, { ...text, content: 'hello!' }], 'attachments[1].content'],
  ['half of base64', [{ ...text, content: 'aGVsbG8' }], 'attachments[0].content'],
  ['nothing', [{ ...text, content: '' }], 'attachments[0].content'],
  ['what nobody knows', [{ ...text, path: '/etc/passwd' }], 'attachments[0].path'],
])('%s is refused with the field', async (_, attachments, field) => {
  const api = await start();
  const answer = await api.post({ ...email, attachments });
  expect(answer).toMatchObject({ status: 400, body: { error: { code: 'VALIDATION_ERROR', field } } });
  expect(await api.db.write().select().from(emailSends)).toEqual([]);
});
