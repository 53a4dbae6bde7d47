import { sql } from 'drizzle-orm';
import { boolean, check, index, pgSchema, text, uniqueIndex } from 'drizzle-orm/pg-core';
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
    identifier: text('identifier').notNull(),
    value: text('value').notNull(),
    expiresAt: moment('expires_at').notNull(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [index('verifications_identifier_idx').on(table.identifier)],
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
