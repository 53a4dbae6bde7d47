import { AsyncLocalStorage } from 'node:async_hooks';
import { keysOfUser } from '@sv-sdk/cache';
import { accounts, type Database, markStale, sessions, type Tx, users, verifications } from '@sv-sdk/db';
import type { Logger } from '@sv-sdk/telemetry';
import { betterAuth } from 'better-auth';
import { drizzleAdapter } from 'better-auth/adapters/drizzle';
import { APIError } from 'better-auth/api';
import { and, eq, isNull, sql } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import { holdPassword } from './credentials.ts';
import { forgetLoginAttempts } from './login-attempts.ts';
import { hashPassword, MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH, verifyPassword } from './password.ts';
import { hashSessionToken } from './session-token.ts';
import type { UserRow } from './users.ts';

/** A session lives this long from login, and is not extended: no read of it ever writes. */
const SESSION_LIFETIME_SECONDS = 7 * 24 * 3600;

/** The header by which we tell better-auth the client's address; set by us on each call, never by a client. */
export const CLIENT_ADDRESS_HEADER = 'x-sv-client-address';

/** The code of better-auth's error where the password was right, and its user is inactive or unverified. */
export const USER_MAY_NOT_SIGN_IN = 'USER_MAY_NOT_SIGN_IN';

export interface NewSession {
  /** As it is stored: with the hash of its token. */
  readonly session: typeof sessions.$inferSelect;
  readonly user: UserRow;
}

/** What belongs into the transaction that makes a session: the caller's audit row. */
export type OnNewSession = (tx: Tx, created: NewSession) => Promise<void>;

interface SignInCall {
  readonly onNewSession: OnNewSession;
  /** Of the password that was found right. */
  verifiedHash?: string;
}

const signInCall = new AsyncLocalStorage<SignInCall>();

/** Runs a call of better-auth; a session that it makes is made in one transaction with `action`. */
export function withNewSession<T>(action: OnNewSession, call: () => Promise<T>): Promise<T> {
  return signInCall.run({ onNewSession: action }, call);
}

/**
 * `__Host-`, where browsers reach us by HTTPS: they then take the cookie only from this very host and only by HTTPS, so that
 * neither a sister domain nor somebody on the way can put one of theirs in its place. better-auth itself knows only
 * `__Secure-`, and would put that before the name.
 */
function cookiesFor(baseUrl: string) {
  const isSecure = new URL(baseUrl).protocol === 'https:';
  return {
    useSecureCookies: false,
    cookiePrefix: isSecure ? '__Host-sv' : 'sv',
    defaultCookieAttributes: { secure: isSecure },
  };
}

export type BetterAuth = ReturnType<typeof createBetterAuth>;

/**
 * better-auth for credentials and sessions, on our own tables. Its HTTP handler is mounted nowhere: our
 * routes call `api.*`, so that all routes have one envelope, one audit and one set of limits.
 */
export function createBetterAuth(options: {
  db: Database;
  secret: string;
  baseUrl: string;
  /** Whether only who has proven their address can sign in. */
  requireEmailVerification: boolean;
  logger: Logger;
}) {
  const { logger } = options;
  return betterAuth({
    baseURL: options.baseUrl,
    secret: options.secret,
    database: platformAdapter(options.db, options.requireEmailVerification),
    telemetry: { enabled: false },
    rateLimit: { enabled: false },
    logger: {
      // Below an error its messages hold addresses ("sign-up attempt for existing email: …").
      level: 'error',
      // Nor its errors' details, which are a query's parameters; the error itself is thrown, and logged by us.
      log: (_level, message) => logger.error({ source: 'better-auth' }, message),
    },
    advanced: {
      ...cookiesFor(options.baseUrl),
      database: { generateId: () => uuidv7() },
      ipAddress: { ipAddressHeaders: [CLIENT_ADDRESS_HEADER] },
    },
    session: { expiresIn: SESSION_LIFETIME_SECONDS, disableSessionRefresh: true },
    user: {
      additionalFields: {
        role: { type: 'string', input: false },
        isActive: { type: 'boolean', input: false },
        lastLoginAt: { type: 'date', input: false, required: false },
        deletedAt: { type: 'date', input: false, required: false, returned: false },
      },
    },
    emailAndPassword: {
      enabled: true,
      // A user with its role, account and audit row is one transaction, and its password is hashed outside
      // of it; better-auth's own sign-up can do neither: see `insertUser`.
      disableSignUp: true,
      minPasswordLength: MIN_PASSWORD_LENGTH,
      maxPasswordLength: MAX_PASSWORD_LENGTH,
      // Not better-auth's `requireEmailVerification`: it answers an unverified address unlike a wrong password.
      // For an unknown address better-auth hashes the password that was sent: as much work as to verify it.
      password: {
        hash: hashPassword,
        verify: async ({ hash, password }) => {
          const isRight = await verifyPassword(hash, password);
          const call = signInCall.getStore();
          if (isRight && call !== undefined) call.verifiedHash = hash;
          return isRight;
        },
      },
    },
  });
}

const adapterSettings = {
  provider: 'pg',
  schema: { user: users, session: sessions, account: accounts, verification: verifications },
} as const;

/**
 * The drizzle adapter with two rules of ours that better-auth knows nothing of: a user who was deleted is not
 * there, and a session comes into being only for an active user whose password is still the one that was
 * verified, with what `withNewSession` asks for, and is kept under the hash of its token.
 */
function platformAdapter(db: Database, requireEmailVerification: boolean) {
  const createDrizzleAdapter = drizzleAdapter(db.write(), adapterSettings);
  return (options: Parameters<typeof createDrizzleAdapter>[0]) => {
    const adapter = createDrizzleAdapter(options);
    return {
      ...adapter,
      findOne: async <T>(query: Parameters<typeof adapter.findOne>[0]) => {
        const found = await adapter.findOne<T>(onlyLive(query));
        // The query for its accounts that a user who is there costs: an address without one takes as long.
        if (found === null && query.join?.['account'] !== undefined) await findAccountsOfNobody(adapter);
        return found;
      },
      findMany: <T>(query: Parameters<typeof adapter.findMany>[0]) => adapter.findMany<T>(onlyLive(query)),
      count: (query: Parameters<typeof adapter.count>[0]) => adapter.count(onlyLive(query)),
      create: <T extends Record<string, unknown>, R = T>(
        query: Parameters<typeof adapter.create<T, R>>[0],
      ) => {
        if (query.model !== 'session') return adapter.create<T, R>(query);
        const userId = String(query.data['userId']);
        const call = signInCall.getStore();
        return db.withTx(
          async (tx) => {
            const user = await touchUser(tx, userId, requireEmailVerification);
            // Else a reset that was committed since would leave the session of the password that it took away.
            if (!(await holdPassword(tx, userId, call?.verifiedHash))) throw mayNotSignIn();
            await forgetLoginAttempts(tx, user.email);
            const token = String(query.data['token']);
            const session = await drizzleAdapter(
              tx,
              adapterSettings,
            )(options).create<T, R>({
              ...query,
              data: { ...query.data, token: hashSessionToken(token) },
            });
            await call?.onNewSession(tx, { session: session as NewSession['session'], user });
            // better-auth answers with it and puts it into the cookie; nothing else ever has it.
            return { ...session, token };
          },
          { principalId: userId },
        );
      },
    };
  };
}

function onlyLive<Q extends { model: string; where?: { field: string; value: unknown }[] | undefined }>(
  query: Q,
): Q {
  if (query.model !== 'user') return query;
  return { ...query, where: [...(query.where ?? []), { field: 'deletedAt', value: null }] };
}

const mayNotSignIn = () => new APIError('UNAUTHORIZED', { code: USER_MAY_NOT_SIGN_IN });

const findAccountsOfNobody = (adapter: {
  findMany(query: { model: string; where: { field: string; value: string }[] }): Promise<unknown>;
}) => adapter.findMany({ model: 'account', where: [{ field: 'userId', value: uuidv7() }] });

/** Notes the login of a user who may sign in; refuses any other as a wrong password is refused. */
async function touchUser(tx: Tx, userId: string, requireEmailVerification: boolean): Promise<UserRow> {
  const [user] = await tx
    .update(users)
    // A login is no change of the user: updatedAt stays.
    .set({ lastLoginAt: new Date(), updatedAt: sql`${users.updatedAt}` })
    .where(
      and(
        eq(users.id, userId),
        eq(users.isActive, true),
        isNull(users.deletedAt),
        requireEmailVerification ? eq(users.emailVerified, true) : undefined,
      ),
    )
    .returning();
  if (user === undefined) throw mayNotSignIn();
  await markStale(tx, keysOfUser(user.id, user.role));
  return user;
}
