import { createHmac, timingSafeEqual } from 'node:crypto';

/** Reads the session token out of better-auth's cookie, `<token>.<base64 of HMAC-SHA256>`, percent-encoded. */
export interface SessionCookie {
  readonly name: string;
  /** `present` without a token: the cookie is there, and not one that we signed. */
  read(cookieHeader: string | undefined): { readonly present: boolean; readonly token?: string };
}

export function createSessionCookie(options: {
  name: string;
  /** Signed by any of them. */
  secrets: readonly string[];
}): SessionCookie {
  const isSignedBy = (secret: string, token: string, signature: Buffer) => {
    const expected = createHmac('sha256', secret).update(token).digest();
    return signature.length === expected.length && timingSafeEqual(signature, expected);
  };
  return {
    name: options.name,
    read(cookieHeader) {
      const value = findCookie(cookieHeader ?? '', options.name);
      if (value === undefined) return { present: false };
      const dot = value.lastIndexOf('.');
      const token = value.slice(0, dot);
      const signature = Buffer.from(value.slice(dot + 1), 'base64');
      const isOurs = dot > 0 && options.secrets.some((secret) => isSignedBy(secret, token, signature));
      return isOurs ? { present: true, token } : { present: true };
    },
  };
}

function findCookie(header: string, name: string): string | undefined {
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals === -1 || pair.slice(0, equals).trim() !== name) continue;
    try {
      return decodeURIComponent(pair.slice(equals + 1).trim());
    } catch {
      return ''; // Not percent-encoding: there, but none of ours.
    }
  }
  return undefined;
}
