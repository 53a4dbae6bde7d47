/**
 * The SMTP server of email.e2e.test.ts and of alerts/email.ts, in a container on the stack's mail network. It writes down the
 * id of every message that it has whole, with its verdict, before it answers: a client that dies or is cut off after that has
 * had its message seen. The file outlives a kill of this server. Others import its names only.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { SMTPServer } from 'smtp-server';

export const PORT = 2525;
/** A line a message: `taken <id>`, `later <id>` or `never <id>`. */
export const SEEN_FILE = '/tmp/seen';

/** By the beginning of the recipient's address: what is refused, once or always. Everybody else's is taken. */
export const REFUSED = { later: 'later-', never: 'never-', unknown: 'unknown-' } as const;
/** Whose message is taken, and never answered: its sender can't know what became of it. */
export const SILENT = 'silent-';

/** Imported by the test, this is only a list of names. */
if (import.meta.main) start();

function start(): void {
  const refusedOnce = new Set(
    existsSync(SEEN_FILE)
      ? readFileSync(SEEN_FILE, 'utf8')
          .split('\n')
          .filter((line) => line.startsWith('later '))
          .map((line) => line.slice('later '.length))
      : [],
  );
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    onData: (stream, session, done) => {
      readId(stream)
        .then((id) => {
          const recipient = session.envelope.rcptTo[0]?.address ?? '';
          const verdict = judge(id, recipient, refusedOnce);
          if (!recipient.startsWith(SILENT)) done(verdict);
        })
        .catch(done);
    },
  });
  // Clients are killed in the middle: that is what the test is about.
  server.on('error', () => undefined);
  server.listen(PORT, '0.0.0.0');
}

function judge(id: string, recipient: string, refusedOnce: Set<string>): Error | null {
  if (recipient.startsWith(REFUSED.later) && !refusedOnce.has(id)) {
    refusedOnce.add(id);
    return refuse(id, 'later', 451);
  }
  if (recipient.startsWith(REFUSED.never)) return refuse(id, 'never', 451);
  if (recipient.startsWith(REFUSED.unknown)) return refuse(id, 'never', 550);
  appendFileSync(SEEN_FILE, `taken ${id}\n`);
  return null;
}

function refuse(id: string, verdict: 'later' | 'never', responseCode: number): Error {
  appendFileSync(SEEN_FILE, `${verdict} ${id}\n`);
  return Object.assign(new Error('refused by the test'), { responseCode });
}

/** What stands before the @ of the Message-ID: the email's own id. The rest of the message is read and forgotten. */
async function readId(stream: AsyncIterable<Buffer>): Promise<string> {
  let head = '';
  for await (const chunk of stream) {
    if (!head.includes('\r\n\r\n')) head += chunk.toString('latin1');
  }
  const id = /^Message-ID:\s*<([^@>]+)@/im.exec(head)?.[1];
  if (id === undefined) throw new Error('the message has no Message-ID');
  return id;
}
