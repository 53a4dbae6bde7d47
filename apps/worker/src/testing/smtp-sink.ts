import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';

export interface ReceivedEmail {
  /** The recipients of the envelope. */
  readonly recipients: readonly string[];
  /** Every header line, unfolded. */
  readonly headers: readonly string[];
  readonly messageId: string;
  readonly html: string;
  readonly text: string;
  /** All of it, as it came. */
  readonly raw: string;
}

/** What the server answers to a message: undefined takes it, a code and a text refuse it. */
export type Verdict = { readonly code: number; readonly reason: string } | undefined;

export interface SmtpSink {
  readonly url: string;
  readonly port: number;
  readonly received: readonly ReceivedEmail[];
  /** Asked at RCPT TO. */
  onRecipient: (address: string) => Verdict;
  /** Asked when the whole message is there. The answer may wait. */
  onMessage: (email: ReceivedEmail) => Verdict | Promise<Verdict>;
  close(): Promise<void>;
}

/**
 * A real SMTP server that keeps what it takes, and refuses what a test tells it to. With a `login` it lets in nobody else,
 * and that only after STARTTLS (by smtp-server's own certificate, which nobody trusts).
 */
export async function startSmtpSink(
  port = 0,
  login?: { readonly user: string; readonly password: string },
): Promise<SmtpSink> {
  const received: ReceivedEmail[] = [];
  const server = new SMTPServer({
    disabledCommands: login === undefined ? ['AUTH', 'STARTTLS'] : [],
    onAuth: ({ username, password }, _session, done) =>
      username === login?.user && password === login?.password
        ? done(null, { user: username })
        : done(new Error('Invalid login')),
    disableReverseLookup: true,
    closeTimeout: 100,
    onRcptTo: ({ address }, _session, done) => done(asError(sink.onRecipient(address))),
    onData: (stream, session, done) => {
      const take = async () => {
        const recipients = session.envelope.rcptTo.map(({ address }) => address);
        const email = parse(await text(stream), recipients);
        const verdict = await sink.onMessage(email);
        if (verdict === undefined) received.push(email);
        done(asError(verdict));
      };
      take().catch(done);
    },
  });
  // A client that goes away in the middle is part of the tests.
  server.on('error', () => undefined);
  const listener = server.listen(port, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('the SMTP server is bound to no port');
  const sink: SmtpSink = {
    url: `smtp://127.0.0.1:${address.port}`,
    port: address.port,
    received,
    onRecipient: () => undefined,
    onMessage: () => undefined,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  return sink;
}

function asError(verdict: Verdict): Error | null {
  return verdict === undefined
    ? null
    : Object.assign(new Error(verdict.reason), { responseCode: verdict.code });
}

/** Enough of MIME for what nodemailer sends here: two parts, quoted-printable, base64 or plain. */
function parse(raw: string, recipients: readonly string[]): ReceivedEmail {
  const [head = '', ...rest] = raw.split('\r\n\r\n');
  const headers = unfold(head);
  const boundary = /boundary="([^"]+)"/.exec(head)?.[1] ?? 'none';
  const parts = rest.join('\r\n\r\n').split(`--${boundary}`);
  const part = (type: string) => {
    const found = parts.find((candidate) => candidate.includes(`Content-Type: ${type}`)) ?? '';
    const [partHead = '', ...body] = found.split('\r\n\r\n');
    return decode(body.join('\r\n\r\n'), /Content-Transfer-Encoding: (\S+)/.exec(partHead)?.[1] ?? '7bit');
  };
  return {
    recipients,
    headers,
    raw,
    messageId: headers.find((line) => line.startsWith('Message-ID: '))?.slice('Message-ID: '.length) ?? '',
    html: part('text/html'),
    text: part('text/plain'),
  };
}

const unfold = (head: string) => head.replace(/\r\n[ \t]+/g, ' ').split('\r\n');

function decode(body: string, encoding: string): string {
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString();
  if (encoding !== 'quoted-printable') return body;
  const bytes = body
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hexadecimal: string) =>
      String.fromCharCode(Number.parseInt(hexadecimal, 16)),
    );
  return Buffer.from(bytes, 'latin1').toString();
}
