import { encodeWords, foldLines } from 'nodemailer/lib/mime-funcs';
import { formatSender, type Sender } from './from.ts';
import type { OutgoingEmail } from './provider.ts';

const MAX_LINE = 76;
const MAX_WORD = 52;
const LINE_ENDS = /[\r\n\0]+/g;
/** Beyond it a message goes out piece by piece, so that it is known whether the last of it has. */
const MAX_LENGTH = 100_000;

/**
 * An email without attachments as one message (RFC 5322, multipart/alternative), ready for the wire. nodemailer builds the
 * same out of streams and writes it line by line: 410 µs of CPU for an email of 5 KB and its SMTP, against 210 µs this way,
 * and a worker does little else. What has attachments, is long, or needs SMTPUTF8 is nodemailer's still. Expects what
 * safeEmail has passed: one plain address, headers of printable ASCII.
 */
export function composeMessage(email: OutgoingEmail, options: { sender: Sender; messageId: string }): Buffer {
  // Quoted-printable has no "=_" anywhere, and what is sent as it stands none after "--": no text can hold the boundary.
  const boundary = `=_${email.id}`;
  const head = [
    header('From', formatSender(options.sender)),
    header('To', email.to),
    header('Subject', encodeWords(email.subject, 'Q', MAX_WORD, true)),
    header('Message-ID', options.messageId),
    header('Date', new Date().toUTCString().replace('GMT', '+0000')),
    ...Object.entries(email.headers).map(([name, value]) => header(name, value)),
    'MIME-Version: 1.0',
    `Content-Type: multipart/alternative; boundary="${boundary}"`,
    '',
    '',
  ].join('\r\n');
  return Buffer.concat([
    Buffer.from(head),
    ...part(boundary, 'plain', email.text),
    ...part(boundary, 'html', email.html),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
}

/** Whether composeMessage is the way. */
export function isComposable(email: OutgoingEmail, sender: Sender): boolean {
  return (
    email.attachments.length === 0 &&
    email.html.length + email.text.length <= MAX_LENGTH &&
    isAscii(email.to) &&
    isAscii(sender.address)
  );
}

const isAscii = (text: string) => /^[\x21-\x7e]*$/.test(text);

/** No line end that came with the value: only those of the folding. */
const header = (name: string, value: string) =>
  foldLines(`${name}: ${value}`.replace(LINE_ENDS, ' '), MAX_LINE);

function part(boundary: string, subtype: 'plain' | 'html', text: string): [Buffer, Buffer] {
  const isPlain = isSevenBit(text);
  const encoding = isPlain ? '7bit' : 'quoted-printable';
  return [
    Buffer.from(
      `\r\n--${boundary}\r\nContent-Type: text/${subtype}; charset=utf-8\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`,
    ),
    isPlain ? Buffer.from(text.replace(LINE_END, '\r\n'), 'latin1') : quotedPrintable(text),
  ];
}

const LINE_END = /\r\n|\r|\n/g;
const MAX_LINE_AS_IT_STANDS = 998;
const BEYOND_ASCII = /[^\t\r\n\x20-\x7e]/;
const BLANK_AT_LINE_END = /[\t ](?:[\r\n]|$)/;

/**
 * Whether a text may go as it stands (RFC 2045, 2.7): ASCII in lines of up to 998, no blank at their ends that could be
 * lost on the way, nothing like a boundary. Most emails can, and encoding was a tenth of a worker's CPU. Each is asked by
 * itself: one expression for all, which looked for the 998 at every character, was a fifth (bench/HISTORY.md).
 */
const isSevenBit = (text: string) =>
  !BEYOND_ASCII.test(text) && !BLANK_AT_LINE_END.test(text) && !text.includes('--=_') && !hasLongLine(text);

/** A carriage return counts as part of its line: what that makes too long is encoded, which is never wrong. */
function hasLongLine(text: string): boolean {
  for (let start = 0; ; ) {
    const end = text.indexOf('\n', start);
    if ((end === -1 ? text.length : end) - start > MAX_LINE_AS_IT_STANDS) return true;
    if (end === -1) return false;
    start = end + 1;
  }
}

const CR = 0x0d;
const LF = 0x0a;
const TAB = 0x09;
const SPACE = 0x20;
const EQUALS = 0x3d;
const TILDE = 0x7e;
const HEX = Buffer.from('0123456789ABCDEF');

/** Grows to the longest text so far (MAX_LENGTH bounds it); each use is over before the next begins. */
let scratch = Buffer.allocUnsafe(64 * 1024);

/** RFC 2045, 6.7, with CRLF, CR and LF as line ends. */
export function quotedPrintable(text: string): Buffer {
  const input = Buffer.from(text);
  // Three for each byte, and a soft line break for each 73 of those.
  const longest = input.length * 3 + Math.ceil((input.length * 3) / (MAX_LINE - 3)) * 3 + 16;
  if (scratch.length < longest) scratch = Buffer.allocUnsafe(longest);
  const output = scratch;
  let length = 0;
  let column = 0;
  for (let index = 0; index < input.length; index += 1) {
    const byte = input[index] as number;
    const next = input[index + 1];
    if (byte === CR || byte === LF) {
      if (byte === CR && next === LF) index += 1;
      output[length++] = CR;
      output[length++] = LF;
      column = 0;
      continue;
    }
    const isBlank = byte === SPACE || byte === TAB;
    // A blank at the end of a line may be lost on the way.
    const isEnd = next === undefined || next === CR || next === LF;
    const isLiteral = isBlank ? !isEnd : byte > SPACE && byte <= TILDE && byte !== EQUALS;
    // Room for the "=" of a soft break.
    if (column + (isLiteral ? 1 : 3) > MAX_LINE - 1) {
      output[length++] = EQUALS;
      output[length++] = CR;
      output[length++] = LF;
      column = 0;
    }
    if (isLiteral) {
      output[length++] = byte;
      column += 1;
    } else {
      output[length++] = EQUALS;
      output[length++] = HEX[byte >> 4] as number;
      output[length++] = HEX[byte & 15] as number;
      column += 3;
    }
  }
  return Buffer.from(output.subarray(0, length));
}
