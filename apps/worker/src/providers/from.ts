import addressparser from 'nodemailer/lib/addressparser';
import { encodeWords } from 'nodemailer/lib/mime-funcs';

const MAX_WORD = 52;

/** Who the emails are from, in the parts that the providers' APIs ask for. */
export interface Sender {
  /** Empty where EMAIL_FROM is an address alone. */
  readonly name: string;
  readonly address: string;
  readonly domain: string;
}

/** Reads EMAIL_FROM: `SV-SDK <noreply@example.org>` or an address alone. Throws for anything else. */
export function parseSender(from: string): Sender {
  const [sender, ...others] = addressparser(from, { flatten: true });
  const [local, domain, ...rest] = sender?.address.split('@') ?? [];
  if (!sender || !local || !domain || rest.length > 0 || others.length > 0) {
    throw new Error(`EMAIL_FROM must be an address such as "SV-SDK <noreply@example.org>"`);
  }
  return { name: sender.name, address: sender.address, domain };
}

/** RFC 5322 and 2047: a name that is not ASCII goes as encoded words. */
export function formatSender({ name, address }: Sender): string {
  if (name === '') return address;
  const isAscii = /^[\x20-\x7e]*$/.test(name);
  const phrase = isAscii ? `"${name.replace(/["\\]/g, '\\$&')}"` : encodeWords(name, 'Q', MAX_WORD, true);
  return `${phrase} <${address}>`;
}
