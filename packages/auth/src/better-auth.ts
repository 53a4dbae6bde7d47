import { AsyncLocalStorage } from 'node:async_hooks';
import { accounts, type Database, sessions, type Tx, users, verifications } from '@sv-sdk/db';
import type { Logger } from '@sv-sdk/telemetry';
import { betterAuth } from 'better-auth';
import { drizzleAdapter } from 'better-auth/adapters/drizzle';
import { APIError } from 'better-auth/api';
import { and, eq, isNull, sql } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import { hashPassword, MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH, verifyPassword } from './password.ts';
import type { UserRow } from './users.ts';

/** A session lives this long from login, and is not extended: no read of it ever writes. */
const SESSION_LIFETIME_SECONDS = 7 * 24 * 3600;

/** The header by which we tell better-auth the client's address; set by us on each call, never by a client. */
export const CLIENT_ADDRESS_HEADER = 'x-sv-client-address';

export interface NewSession {
  readonly session: typeof sessions.$inferSelect;
  readonly user: UserRow;
}

/** What belongs into the transaction that makes a session: the caller's audit row. */
export type OnNewSession = (tx: Tx, created: NewSession) => Promise<void>;

const onNewSession = new AsyncLocalStorage<OnNewSession>();

/** Runs a call of better-auth; a session that it makes is made in one transaction with `action`. */
export function withNewSession<T>(action: OnNewSession, call: () => Promise<T>): Promise<T> {
  return onNewSession.run(action, call);
}

export type BetterAuth = ReturnType<typeof createBetterAuth>;

/**
 * better-auth for credentials and sessions, on our own tables. Its HTTP handler is mounted nowhere: our
 * routes call `api.*`, so that all routes have one envelope, one audit and one set of limits.
 */
export function createBetterAuth(options: { db: Database; secret: string; baseUrl: string; logger: Logger }) {
  const { logger } = options;
  return betterAuth({
    baseURL: options.baseUrl,
    secret: options.secret,
    database: platformAdapter(options.db),
    telemetry: { enabled: false },
    rateLimit: { enabled: false },
    logger: {
      // Below an error its messages hold addresses ("sign-up attempt for existing email: …").
      level: 'error',
      // Nor its errors' details, which are a query's parameters; the error itself is thrown, and logged by us.
      log: (_level, message) => logger.error({ source: 'better-auth' }, message),
    },
    advanced: {
      cookiePrefix: 'sv',
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
      // For an unknown address better-auth hashes the password that was sent: as much work as to verify it.
      password: {
        hash: hashPassword,
        verify: ({ hash, password }) => verifyPassword(hash, password),
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
 * there, and a session comes into being only for an active user and with what `withNewSession` asks for.
 */
function platformAdapter(db: Database) {
  const createDrizzleAdapter = drizzleAdapter(db.write(), adapterSettings);
  return (options: Parameters<typeof createDrizzleAdapter>[0]) => {
    const adapter = createDrizzleAdapter(options);
    return {
      ...adapter,
      findOne: <T>(query: Parameters<typeof adapter.findOne>[0]) => adapter.findOne<T>(onlyLive(query)),
      findMany: <T>(query: Parameters<typeof adapter.findMany>[0]) => adapter.findMany<T>(onlyLive(query)),
      count: (query: Parameters<typeof adapter.count>[0]) => adapter.count(onlyLive(query)),
      create: <T extends Record<string, unknown>, R = T>(
        query: Parameters<typeof adapter.create<T, R>>[0],
      ) => {
        if (query.model !== 'session') return adapter.create<T, R>(query);
        const userId = String(query.data['userId']);
        return db.withTx(
          async (tx) => {
            const user = await touchActiveUser(tx, userId);
            const session = await drizzleAdapter(tx, adapterSettings)(options).create<T, R>(query);
            await onNewSession.getStore()?.(tx, { session: session as NewSession['session'], user });
            return session;
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

async function touchActiveUser(tx: Tx, userId: string): Promise<UserRow> {
  const [user] = await tx
    .update(users)
    // A login is no change of the user: updatedAt stays.
    .set({ lastLoginAt: new Date(), updatedAt: sql`${users.updatedAt}` })
    .where(and(eq(users.id, userId), eq(users.isActive, true), isNull(users.deletedAt)))
    .returning();
  if (user === undefined) throw new APIError('UNAUTHORIZED', { code: 'USER_IS_NOT_ACTIVE' });
  return user;
}
