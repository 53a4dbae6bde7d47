/** Roles of the database and metrics begin like a key, and have letters of one case only. */
const API_KEY = /\bsv_(?=\w*[A-Z\d-])[\w-]{8,}/g;
const AUTHORIZATION = /\b(Bearer|Basic)\s+[\w.~+/=-]+/gi;
/** The password in `scheme://user:password@host`. No quote is in one, and many are in a line of JSON. */
const URL_PASSWORD = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@"]*):[^\s/@"]+@/gi;
/** Also as it stands in a URL. An escape of JSON goes before, as its letters are none of the address. */
const ESCAPE_OR_ADDRESS =
  /\\(?:u[\da-f]{4}|.)|[\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-]+(?:@|%40)[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,}/gu;

export const MASK = '[redacted]';

/** A text without what is a secret by its form: API keys, credentials of HTTP, passwords in URLs. */
export function maskSecrets(text: string): string {
  return text
    .replaceAll(URL_PASSWORD, `$1:${MASK}@`)
    .replaceAll(AUTHORIZATION, `$1 ${MASK}`)
    .replaceAll(API_KEY, `sv_${MASK}`);
}

/** The same of a line of JSON, and without email addresses. */
export function maskLine(line: string): string {
  const masked = maskSecrets(line);
  // Most lines have neither, and are done.
  if (!masked.includes('@') && !masked.includes('%40')) return masked;
  return masked.replaceAll(ESCAPE_OR_ADDRESS, (found) => (found.startsWith('\\') ? found : '[address]'));
}
