import { type OutgoingEmail, ProviderError } from './provider.ts';

// Line ends above all: one in a header is the end of that header and the start of the next, whoever wrote it.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f\u0085\u2028\u2029]+/g;
/** One address, and no syntax by which a provider would read two. Quoted local parts are not accepted either. */
const ADDRESS = /^[^\s"(),:;<>@[\\\]]+@[^\s"(),:;<>@[\\\]]+$/;
const HEADER_NAME = /^[A-Za-z][A-Za-z0-9-]{0,75}$/;
// Printable ASCII: what every provider takes as it is (RFC 5322, unstructured without encoding).
const HEADER_VALUE = /^[\x20-\x7e]{1,900}$/;
const CONTENT_TYPE = /^[A-Za-z0-9][\w.+-]{0,100}\/[A-Za-z0-9][\w.+-]{0,100}$/;
const MAX_FILENAME_LENGTH = 200;

/**
 * The last gate before any provider: whatever stands in the email, it can't become a header line, a second recipient or
 * a path. A subject and a filename are cleaned; what has no harmless reading is refused as `rejected`.
 */
export function safeEmail(email: OutgoingEmail): OutgoingEmail {
  if (!ADDRESS.test(email.to) || isUnclean(email.to)) refuse('the recipient is not one plain address');
  for (const [name, value] of Object.entries(email.headers)) {
    if (!HEADER_NAME.test(name) || !HEADER_VALUE.test(value))
      refuse(`the header ${JSON.stringify(name)} can't be sent`);
  }
  return {
    ...email,
    subject: oneLine(email.subject),
    attachments: email.attachments.map((attachment) => {
      if (!CONTENT_TYPE.test(attachment.contentType)) refuse("an attachment's content type can't be sent");
      return { ...attachment, filename: safeFilename(attachment.filename) };
    }),
  };
}

function refuse(reason: string): never {
  throw new ProviderError('rejected', reason);
}

const isUnclean = (text: string) => text.search(CONTROL) !== -1;
const oneLine = (text: string) => text.replace(CONTROL, ' ').trim();

/** Only the last part of a path, as some programs save an attachment under whatever name it has. */
function safeFilename(filename: string): string {
  const name = oneLine(filename).split(/[/\\]/).at(-1)?.slice(0, MAX_FILENAME_LENGTH).trim() ?? '';
  return name === '' || /^\.+$/.test(name) ? 'attachment' : name;
}
