/** What leaves the host in `make support`: without secrets, addresses of mail, and addresses of callers. */
import { readdirSync, readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { MASK, maskLine } from '@sv-sdk/telemetry';

/** A value that is shorter is no secret of ours, and stands in many a word. */
const MIN_SECRET_LENGTH = 8;
/** A setting that should have been a file of secrets/. */
const SECRET_SETTING = /^(\s*(?:export\s+)?[A-Z0-9_]*(?:PASSWORD|SECRET|TOKEN|_KEY|_KEY_ID)=).+$/;
const IPV4 = /(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])/g;
const MAYBE_IPV6 = /(?<![\w:.])[\da-f:]*:[\da-f:]*(?::(?:\d{1,3}\.){3}\d{1,3})?(?![\w:])/gi;
/** Loopback, and networks that nobody outside of one's own has. */
const OWN_IPV4 = /^(?:0|10|127|192\.168|172\.(?:1[6-9]|2\d|3[01])|169\.254)\./;
const OWN_IPV6 = /^(?:::1?$|fe[89ab]|f[cd])/i;

/** A function that masks one line. `secrets`: their values, which are found in whatever form a line has them. */
export function createSupportMask(secrets: readonly string[]): (line: string) => string {
  const forms = new Set(
    secrets
      .filter((secret) => secret.length >= MIN_SECRET_LENGTH)
      .flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]),
  );
  // One may be a part of another.
  const longestFirst = [...forms].toSorted((a, b) => b.length - a.length);
  return (line) => {
    const known = longestFirst.reduce((text, secret) => text.replaceAll(secret, MASK), line);
    return maskLine(known.replace(SECRET_SETTING, `$1${MASK}`))
      .replaceAll(MAYBE_IPV6, (found) => (isIPv6(found) && !OWN_IPV6.test(found) ? '[ip]' : found))
      .replaceAll(IPV4, (found) => (OWN_IPV4.test(found) ? found : '[ip]'));
  };
}

/**
 * The values of every file below a folder, what an interrupted `make rotate` has left with them; a key ring has several.
 * Certificates are none.
 */
export function secretsIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && !entry.name.endsWith('_ca'))
    .flatMap(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8').split(/\s+/));
}
