import { describe, expect, it } from 'vitest';
import { outgoingEmail } from '../testing/outgoing-email.ts';
import { safeEmail } from './safe-email.ts';

const LINE_ENDS = ['\n', '\r', '\r\n', '\u0000', '\u0085', '\u2028', '\u2029', '\u000b'];

describe('what goes to a provider', () => {
  it.each([
    'ada@example.org',
    'ada.lovelace+news@sub.example.org',
    "o'brien@example.org",
    'ada@xn--bcher-kva.example',
    'ädä@bücher.example',
  ])('has a recipient such as %s', (to) => {
    expect(safeEmail(outgoingEmail({ to })).to).toBe(to);
  });

  it.each([
    'ada@example.org,eve@example.org',
    'ada@example.org;eve@example.org',
    'Ada <ada@example.org>',
    '<ada@example.org>',
    '"a b"@example.org',
    'ada@example.org eve@example.org',
    'ada@@example.org',
    'ada',
    '',
    ...LINE_ENDS.map((end) => `ada@example.org${end}`),
  ])('has no recipient such as %j', (to) => {
    expect(() => safeEmail(outgoingEmail({ to }))).toThrow(expect.objectContaining({ failure: 'rejected' }));
  });

  it('has a subject of one line, whatever its lines ended with', () => {
    for (const end of LINE_ENDS) {
      const { subject } = safeEmail(outgoingEmail({ subject: `Hello${end}Bcc: eve@example.org${end}` }));
      expect(subject).toBe('Hello Bcc: eve@example.org');
    }
    expect(safeEmail(outgoingEmail({ subject: 'Grüße 🎉' })).subject).toBe('Grüße 🎉');
  });

  it('has no header whose name or value could end its line', () => {
    for (const end of LINE_ENDS) {
      for (const headers of [{ 'X-Note': `a${end}Bcc: eve@example.org` }, { [`X-Note${end}`]: 'a' }]) {
        expect(() => safeEmail(outgoingEmail({ headers }))).toThrow(
          expect.objectContaining({ failure: 'rejected' }),
        );
      }
    }
    expect(() => safeEmail(outgoingEmail({ headers: { 'X-Note: a\r\nBcc': 'b' } }))).toThrow();
    const headers = { 'List-Unsubscribe': '<https://sv.example/unsubscribe/t>' };
    expect(safeEmail(outgoingEmail({ headers })).headers).toEqual(headers);
  });

  it('has attachments whose names are no paths and no headers', () => {
    const content = Buffer.from('x');
    const nameOf = (filename: string) =>
      safeEmail(outgoingEmail({ attachments: [{ filename, contentType: 'text/plain', content }] }))
        .attachments[0]?.filename;
    expect(nameOf('bill.pdf')).toBe('bill.pdf');
    expect(nameOf('Rechnung für März.pdf')).toBe('Rechnung für März.pdf');
    expect(nameOf('../../etc/passwd')).toBe('passwd');
    expect(nameOf('C:\\temp\\bill.pdf')).toBe('bill.pdf');
    expect(nameOf('bill.pdf\r\nBcc: eve@example.org')).toBe('bill.pdf Bcc: eve@example.org');
    expect(nameOf('..')).toBe('attachment');
    expect(nameOf('')).toBe('attachment');
    for (const contentType of ['text/plain\r\nBcc: eve@example.org', 'text', 'text/plain; name="a"', '']) {
      const attachments = [{ filename: 'a', contentType, content }];
      expect(() => safeEmail(outgoingEmail({ attachments }))).toThrow();
    }
  });
});
