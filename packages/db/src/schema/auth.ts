import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  customType,
  index,
  integer,
  pgSchema,
  primaryKey,
  smallint,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { createdAt, id, moment, updatedAt } from './columns.ts';

export const authSchema = pgSchema('auth');

export const users = authSchema.table(
  'users',
  {
    id: id(),
    email: text('email').notNull(),
    emailVerified: boolean('email_verified').notNull().default(false),
    name: text('name').notNull(),
    image: text('image'),
    /** The name of the user's main role, as SV-SDK shows it; what a user may do is in permissions.user_roles. */
    role: text('role').notNull().default('user'),
    isActive: boolean('is_active').notNull().default(true),
    lastLoginAt: moment('last_login_at'),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    /** Soft delete: a row with a time here is invisible, and its address is free again. */
    deletedAt: moment('deleted_at'),
  },
  (table) => [
    uniqueIndex('users_email_key').on(table.email).where(sql`deleted_at is null`),
    index('users_created_at_id_idx').on(table.createdAt, table.id).where(sql`deleted_at is null`),
    index('users_role_created_at_idx')
      .on(table.role, table.createdAt, table.id)
      .where(sql`deleted_at is null`),
    // Search by prefix. The cluster's collation is C.UTF-8 (infra/postgres), where LIKE 'prefix%' is one range of an
    // ordinary index, and its order too; for addresses users_email_key is that index. Another collation would sort.
    index('users_name_idx').on(sql`lower(name)`, table.id).where(sql`deleted_at is null`),
    // One text, and not two columns: with those a planner that believes role and address to be independent takes
    // users_email_key, and reads 10,000 addresses of other roles for a page.
    index('users_role_email_idx').on(sql`(role || ' ' || email)`).where(sql`deleted_at is null`),
    index('users_role_name_idx')
      .on(sql`(role || ' ' || lower(name))`, table.id)
      .where(sql`deleted_at is null`),
    check('users_email_is_lower_case', sql`email = lower(email)`),
  ],
);

export const sessions = authSchema.table(
  'sessions',
  {
    id: id(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** SHA-256 of the token, in hexadecimal: who reads the table can sign in as nobody. */
    token: text('token').notNull(),
    expiresAt: moment('expires_at').notNull(),
    ipAddress: text('ip_address'),
    userAgent: text('user_agent'),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [
    uniqueIndex('sessions_token_key').on(table.token),
    index('sessions_user_id_idx').on(table.userId),
    index('sessions_expires_at_idx').on(table.expiresAt),
  ],
);

/** better-auth's credentials: one row per user and way of signing in; `password` is an argon2id hash. */
export const accounts = authSchema.table(
  'accounts',
  {
    id: id(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    accountId: text('account_id').notNull(),
    providerId: text('provider_id').notNull(),
    accessToken: text('access_token'),
    refreshToken: text('refresh_token'),
    idToken: text('id_token'),
    accessTokenExpiresAt: moment('access_token_expires_at'),
    refreshTokenExpiresAt: moment('refresh_token_expires_at'),
    scope: text('scope'),
    password: text('password'),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [
    uniqueIndex('accounts_provider_id_account_id_key').on(table.providerId, table.accountId),
    index('accounts_user_id_idx').on(table.userId),
  ],
);

export const verifications = authSchema.table(
  'verifications',
  {
    id: id(),
    /** `<kind>:<user id>:<SHA-256 of the address>`: unique, so that a new token takes the place of the one before. */
    identifier: text('identifier').notNull(),
    /** SHA-256 of the token, in hexadecimal; the token itself is only in the mail. */
    value: text('value').notNull(),
    expiresAt: moment('expires_at').notNull(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [
    uniqueIndex('verifications_identifier_key').on(table.identifier),
    uniqueIndex('verifications_value_key').on(table.value),
    index('verifications_expires_at_idx').on(table.expiresAt),
  ],
);

export const apiKeys = authSchema.table(
  'api_keys',
  {
    id: id(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    name: text('name').notNull(),
    /** The first characters of the key, which let a person tell their keys apart. */
    prefix: text('prefix').notNull(),
    /** SHA-256 of the whole key, in hexadecimal. The key itself is shown once and kept nowhere. */
    hash: text('hash').notNull(),
    /** Permissions that the key is narrowed to; null: all that its user holds. */
    scopes: text('scopes').array(),
    /** Requests a minute; null: what RATE_LIMIT_PRINCIPAL_PER_MINUTE says. Set by the platform, not by the key's user. */
    rateLimitPerMinute: integer('rate_limit_per_minute'),
    expiresAt: moment('expires_at'),
    lastUsedAt: moment('last_used_at'),
    revokedAt: moment('revoked_at'),
    createdAt: createdAt(),
  },
  (table) => [
    uniqueIndex('api_keys_hash_key').on(table.hash),
    index('api_keys_user_id_idx').on(table.userId),
  ],
);

/**
 * How many living users a role has, kept by a trigger (ADR 0012): count(*) reads a whole index at every page. A role
 * has as many rows (slots) as transactions have counted at the same moment; the sum is the count.
 */
export const userCounts = authSchema.table(
  'user_counts',
  {
    role: text('role').notNull(),
    slot: smallint('slot').notNull(),
    live: bigint('live', { mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ name: 'user_counts_pkey', columns: [table.role, table.slot] })],
);

/**
 * Attempts to sign in by address, whether or not anybody has it: a lock must not tell who has an account.
 * `identifier` is the SHA-256 of the address in lower case.
 */
export const loginAttempts = authSchema.table(
  'login_attempts',
  {
    identifier: text('identifier').primaryKey(),
    /** Since `window_started_at` without a success; counted before the password is looked at. */
    failures: integer('failures').notNull(),
    windowStartedAt: moment('window_started_at').notNull().defaultNow(),
    lockedUntil: moment('locked_until'),
  },
  (table) => [index('login_attempts_window_started_at_idx').on(table.windowStartedAt)],
);

/**
 * Mails that anybody can have sent to an address (verification, reset), by address, whether or not it has an
 * account. `identifier` as in login_attempts. Not in the cache: a wipe must not let somebody's mailbox be flooded.
 */
export const mailLimits = authSchema.table(
  'mail_limits',
  {
    identifier: text('identifier').primaryKey(),
    /** Since `window_started_at`. */
    mails: integer('mails').notNull(),
    windowStartedAt: moment('window_started_at').notNull().defaultNow(),
    lastMailAt: moment('last_mail_at').notNull().defaultNow(),
  },
  (table) => [index('mail_limits_window_started_at_idx').on(table.windowStartedAt)],
);

const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' });

/** The first answer to a POST with an Idempotency-Key, written in the transaction of what it answers. */
export const idempotencyKeys = authSchema.table(
  'idempotency_keys',
  {
    /** The user's id; `anonymous` where nobody is signed in. */
    principalId: text('principal_id').notNull(),
    key: text('key').notNull(),
    /** SHA-256 of method, path and body: the same key for another request is refused. */
    requestHash: text('request_hash').notNull(),
    /** Null only inside the transaction that will fill it. */
    status: smallint('status'),
    /** Encrypted: an answer may hold a new API key or a session's token. */
    answer: bytes('answer'),
    createdAt: createdAt(),
    expiresAt: moment('expires_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'idempotency_keys_pkey', columns: [table.principalId, table.key] }),
    index('idempotency_keys_expires_at_idx').on(table.expiresAt),
  ],
);

/**
 * Keys of the cache that a transaction made wrong, written in that transaction. The instance that committed
 * publishes them at once; the worker does it again and removes the row, so that a kill in between loses nothing.
 */
export const staleCacheKeys = authSchema.table('stale_cache_keys', {
  id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  keys: text('keys').array().notNull(),
  createdAt: createdAt(),
});
