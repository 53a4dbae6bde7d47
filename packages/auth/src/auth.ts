import type { IncomingHttpHeaders } from 'node:http';
import type { Database, Tx } from '@sv-sdk/db';
import type { Logger } from '@sv-sdk/telemetry';
import { APIError } from 'better-auth/api';
import {
  CLIENT_ADDRESS_HEADER,
  createBetterAuth,
  type NewSession,
  type OnNewSession,
  withNewSession,
} from './better-auth.ts';
import { hashPassword } from './password.ts';
import { type Identification, resolvePrincipal } from './principal.ts';
import { createSessionCookie } from './session-cookie.ts';
import { insertUser, type UserRow } from './users.ts';

export interface SignedIn extends NewSession {
  readonly token: string;
  /** Values of Set-Cookie. */
  readonly cookies: readonly string[];
}

export interface Auth {
  /** Who a request comes from; see {@link resolvePrincipal}. */
  identify(headers: IncomingHttpHeaders): Promise<Identification>;
  /**
   * Makes a user with the role `user`, in one transaction with `record`, which is told whether there was one
   * with this address. Both ways hash the password first, so that their times don't tell them apart.
   */
  signUp(
    input: { email: string; name: string; password: string },
    record: (tx: Tx, user: UserRow | undefined) => Promise<void>,
  ): Promise<UserRow | undefined>;
  /**
   * Makes a session, in one transaction with `record`. Undefined for an unknown address, a wrong password and
   * a user who isn't active alike, each after the same work.
   */
  signIn(
    input: { email: string; password: string; ipAddress: string; userAgent: string | undefined },
    record: OnNewSession,
  ): Promise<SignedIn | undefined>;
  readonly cookieName: string;
  /** The value of Set-Cookie that makes a browser forget its session. */
  readonly clearedCookie: string;
}

export async function createAuth(options: {
  db: Database;
  secret: string;
  baseUrl: string;
  logger: Logger;
}): Promise<Auth> {
  const { db } = options;
  const betterAuth = createBetterAuth(options);
  const { name, attributes } = (await betterAuth.$context).authCookies.sessionToken;
  const cookie = createSessionCookie({ name, secret: options.secret });

  return {
    cookieName: name,
    clearedCookie: `${name}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax${attributes.secure ? '; Secure' : ''}`,
    identify: (headers) => resolvePrincipal(db, cookie, headers),

    async signUp(input, record) {
      const passwordHash = await hashPassword(input.password);
      return db.withTx(async (tx) => {
        const user = await insertUser(tx, {
          email: input.email,
          name: input.name,
          role: 'user',
          passwordHash,
          grantedBy: null,
        });
        await record(tx, user);
        return user;
      });
    },

    async signIn(input, record) {
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
        return { ...created, token: result.response.token, cookies: result.headers.getSetCookie() };
      } catch (error) {
        if (error instanceof APIError && error.statusCode === 401) return undefined;
        throw error;
      }
    },
  };
}
