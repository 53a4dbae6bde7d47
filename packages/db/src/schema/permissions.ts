import { boolean, index, pgSchema, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core';
import { users } from './auth.ts';
import { createdAt, id, moment, updatedAt } from './columns.ts';

export const permissionsSchema = pgSchema('permissions');

export const roles = permissionsSchema.table(
  'roles',
  {
    id: id(),
    name: text('name').notNull(),
    description: text('description'),
    /** `action:scope:resource`, `*` in any place. */
    permissions: text('permissions').array().notNull(),
    /** Seeded with the platform: can be granted, not changed or deleted. */
    isSystem: boolean('is_system').notNull().default(false),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [uniqueIndex('roles_name_key').on(table.name)],
);

export const userRoles = permissionsSchema.table(
  'user_roles',
  {
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    roleId: text('role_id')
      .notNull()
      .references(() => roles.id, { onDelete: 'restrict' }),
    /** Null: granted by the platform itself (seeding, sign-up). */
    grantedBy: text('granted_by').references(() => users.id, { onDelete: 'set null' }),
    grantedAt: moment('granted_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ name: 'user_roles_pkey', columns: [table.userId, table.roleId] }),
    index('user_roles_role_id_idx').on(table.roleId),
    index('user_roles_granted_by_idx').on(table.grantedBy),
  ],
);
