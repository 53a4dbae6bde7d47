import { createLogger } from '@sv-sdk/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outgoingEmail } from '../testing/outgoing-email.ts';
import { type SmtpSink, startSmtpSink } from '../testing/smtp-sink.ts';
import { parseSender } from './from.ts';
import { composeMessage, isComposable, quotedPrintable } from './mime.ts';
import type { EmailProvider } from './provider.ts';
import { createSmtpProvider } from './smtp.ts';

const FROM = 'SV-SDK <noreply@sv.example>';
const TEXTS = [
  '',
  'one line',
  'two\nlines\r\nand\rthree',
  'blank at the end \nand a tab\t\n ',
  '.\n..\n.dot at the start\n.',
  'a = b =\n==\n=20',
  'x'.repeat(1000),
  'ä'.repeat(500),
  `${'a'.repeat(74)}ä${'b'.repeat(75)} ${'c'.repeat(76)}\t${'🎉'.repeat(30)}`,
  'Grüße 🎉 \u0000\u0007\u2028 "quoted" <b>&amp;</b>',
  `--=_${outgoingEmail().id}--\r\n\r\nFrom: eve@example.org`,
  ...Array.from({ length: 50 }, (_, seed) => noise(seed)),
];

/** Text of which every run has the same: letters, blanks, line ends, signs of the encoding, and beyond ASCII. */
function noise(seed: number): string {
  const signs = ['a', 'B', '9', ' ', ' ', '\t', '\n', '\r\n', '.', '=', '-', 'é', '€', '🎉', '~', '!'];
  let state = seed + 1;
  return Array.from({ length: 40 + seed * 13 }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return signs[state % signs.length];
  }).join('');
}

const withLineEnds = (text: string) => text.replace(/\r\n|\r|\n/g, '\r\n');

describe('quoted-printable', () => {
  it('keeps to its rules', () => {
    for (const text of TEXTS) check(text);
  });

  function check(text: string) {
    const encoded = quotedPrintable(text).toString('latin1');
    for (const line of encoded.split('\r\n')) {
      expect(line.length).toBeLessThanOrEqual(76);
      expect(line).toMatch(/^(?:[\t\x20-\x3c\x3e-\x7e]|=[0-9A-F]{2})*=?$/);
      expect(line).not.toMatch(/[ \t]$/);
    }
    const decoded = encoded
      .replace(/=\r\n/g, '')
      .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    expect(Buffer.from(decoded, 'latin1').toString()).toBe(withLineEnds(text));
  }
});

describe('a composed message', () => {
  let sink: SmtpSink;
  let provider: EmailProvider;
  beforeAll(async () => {
    const logger = createLogger({ service: 'test', version: 'test', level: 'silent' });
    sink = await startSmtpSink();
    provider = createSmtpProvider({ url: sink.url, from: FROM, connections: 1, logger });
  });
  afterAll(async () => {
    await provider.close();
    await sink.close();
  });

  it('arrives as it was', async () => {
    for (const text of TEXTS) {
      const html = `<p>${text}</p>`;
      const email = outgoingEmail({ html, text: `${text}|` });
      expect(isComposable(email, parseSender(FROM))).toBe(true);
      await provider.send(email);
      // The last line end is the boundary's, which the sink leaves to its part.
      expect(sink.received.at(-1)?.html).toBe(withLineEnds(`${html}\r\n`));
      expect(sink.received.at(-1)?.text).toBe(withLineEnds(`${text}|\r\n`));
    }
  });

  it('goes as it stands where that is safe, and quoted-printable elsewhere', () => {
    const encodingOf = (text: string) => {
      const options = { sender: parseSender(FROM), messageId: '<1@sv.example>' };
      const raw = composeMessage(outgoingEmail({ text, html: '' }), options).toString();
      return /^Content-Type: text\/plain; charset=utf-8\r\nContent-Transfer-Encoding: (\S+)\r$/m.exec(
        raw,
      )?.[1];
    };
    const long = 'x'.repeat(998);
    for (const text of ['', 'one = two\n.\nFrom me', long, `${long}\n${long}\n`]) {
      expect(encodingOf(text)).toBe('7bit');
    }
    const unsafe = [
      'é',
      `${long}x`,
      `a\n${long}x\n`,
      'a \nb',
      'a\t\r\nb',
      'a\t',
      '\u0000',
      '\u007f',
      `--=_${outgoingEmail().id}`,
    ];
    for (const text of unsafe) expect(encodingOf(text)).toBe('quoted-printable');
  });

  it('has the headers of an email, each once, none of them too long', () => {
    const subject = `Grüße ${'und so weiter '.repeat(30)}`;
    const email = outgoingEmail({
      subject,
      headers: { 'List-Unsubscribe': `<https://sv.example/unsubscribe/${'t'.repeat(43)}>` },
    });
    const sender = parseSender('Gärtnerei "Süd" <noreply@sv.example>');
    const raw = composeMessage(email, { sender, messageId: '<1@sv.example>' }).toString();
    const [head = ''] = raw.split('\r\n\r\n');
    for (const line of head.split('\r\n')) expect(line.length).toBeLessThanOrEqual(100);
    expect(Buffer.from(raw).every((byte) => byte < 128)).toBe(true);
    const names = head
      .replace(/\r\n[ \t]/g, ' ')
      .split('\r\n')
      .map((line) => line.split(':')[0]);
    expect(names).toEqual([
      'From',
      'To',
      'Subject',
      'Message-ID',
      'Date',
      'List-Unsubscribe',
      'MIME-Version',
      'Content-Type',
    ]);
    expect(head).toMatch(/^Date: \w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} \+0000\r$/m);
  });

  it('leaves attachments, long texts and addresses beyond ASCII to nodemailer', () => {
    const sender = parseSender(FROM);
    const content = Buffer.from('x');
    const attachments = [{ filename: 'a', contentType: 'text/plain', content }];
    expect(isComposable(outgoingEmail({ attachments }), sender)).toBe(false);
    expect(isComposable(outgoingEmail({ html: 'x'.repeat(100_001) }), sender)).toBe(false);
    expect(isComposable(outgoingEmail({ to: 'ädä@example.org' }), sender)).toBe(false);
  });
});
