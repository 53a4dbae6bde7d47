import type { Cache } from '@sv-sdk/cache';
import type { Database } from '@sv-sdk/db';
import type { PermissionStore } from '@sv-sdk/permissions';
import type { Logger } from '@sv-sdk/telemetry';
import { APIError } from 'better-auth/api';
import type { ApiKeyUsage } from './api-key-usage.ts';
import {
  CLIENT_ADDRESS_HEADER,
  createBetterAuth,
  type NewSession,
  type OnNewSession,
  USER_MAY_NOT_SIGN_IN,
  withNewSession,
} from './better-auth.ts';
import { countLoginAttempt, type LoginAttempt, type LoginLimits } from './login-attempts.ts';
import { createPrincipalResolver, type ResolvePrincipal } from './principal.ts';
import { createSessionCookie } from './session-cookie.ts';

export interface SignedIn extends NewSession {
  readonly token: string;
  /** Values of Set-Cookie. */
  readonly cookies: readonly string[];
}

/** `reason` is for the audit: a caller is told the same for each. */
export type SignIn =
  | ({ readonly outcome: 'signed_in' } & SignedIn)
  | { readonly outcome: 'refused'; readonly reason: 'wrong_credentials' | 'inactive_or_unverified' }
  | { readonly outcome: 'locked'; readonly retryAfterSeconds: number };

export interface Auth {
  /** Who a request comes from; see `createPrincipalResolver`. */
  readonly identify: ResolvePrincipal;
  /**
   * Counts an attempt to prove a password for this address, before the password is looked at. Whatever verifies
   * a password asks first, and calls `forgetLoginAttempts` when it was right.
   */
  countAttempt(email: string): Promise<LoginAttempt>;
  /**
   * Makes a session, in one transaction with `record`. Refused alike, each after the same work: an unknown
   * address, a wrong password, and a user who isn't active or has not proven the address. Counts the attempt.
   */
  signIn(
    input: { email: string; password: string; ipAddress: string; userAgent: string | undefined },
    record: OnNewSession,
  ): Promise<SignIn>;
  readonly cookieName: string;
  /** The value of Set-Cookie that makes a browser forget its session. */
  readonly clearedCookie: string;
}

export async function createAuth(options: {
  db: Database;
  cache: Cache;
  permissions: PermissionStore;
  usage: Pick<ApiKeyUsage, 'touch'>;
  /** The first signs; a cookie that another one signed is good, too. */
  secrets: readonly [string, ...string[]];
  baseUrl: string;
  requireEmailVerification: boolean;
  loginLimits: LoginLimits;
  logger: Logger;
}): Promise<Auth> {
  const { db } = options;
  const betterAuth = createBetterAuth({ ...options, secret: options.secrets[0] });
  const { name, attributes } = (await betterAuth.$context).authCookies.sessionToken;
  const countAttempt = (email: string) => countLoginAttempt(db, email, options.loginLimits);
  const cookie = createSessionCookie({ name, secrets: options.secrets });

  return {
    cookieName: name,
    clearedCookie: `${name}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax${attributes.secure ? '; Secure' : ''}`,
    identify: createPrincipalResolver({ ...options, cookie }),

    countAttempt,

    async signIn(input, record) {
      const attempt = await countAttempt(input.email);
      if (!attempt.allowed) return { outcome: 'locked', retryAfterSeconds: attempt.retryAfterSeconds };
      let created: NewSession | undefined;
      const headers = new Headers({ [CLIENT_ADDRESS_HEADER]: input.ipAddress });
      if (input.userAgent !== undefined) headers.set('user-agent', input.userAgent);
      try {
        const result = await withNewSession(
          async (tx, newSession) => {
            created = newSession;
            await record(tx, newSession);
          },
          () =>
            betterAuth.api.signInEmail({
              body: { email: input.email, password: input.password },
              headers,
              returnHeaders: true,
            }),
        );
        if (created === undefined) throw new Error('better-auth signed in without making a session');
        return {
          outcome: 'signed_in',
          ...created,
          token: result.response.token,
          cookies: result.headers.getSetCookie(),
        };
      } catch (error) {
        if (!(error instanceof APIError) || error.statusCode !== 401) throw error;
        const isKnown = error.body?.code === USER_MAY_NOT_SIGN_IN;
        return { outcome: 'refused', reason: isKnown ? 'inactive_or_unverified' : 'wrong_credentials' };
      }
    },
  };
}
