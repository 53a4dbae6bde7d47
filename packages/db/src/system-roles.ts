import { cacheKey } from '@sv-sdk/cache/keys';
import { sql } from 'drizzle-orm';
import { roles } from './schema/index.ts';
import { markStale } from './stale-keys.ts';
import type { Tx } from './transaction.ts';

export interface SystemRole {
  readonly name: string;
  readonly description: string;
  /** `action:scope:resource`; `any` includes `own`. */
  readonly permissions: readonly string[];
}

/** Whoever has it may do everything; the platform is never without an active one. */
export const SUPER_ADMIN_ROLE = 'super_admin';

/**
 * The roles that every installation has, each able to grant the next. They can be granted, but neither
 * changed nor deleted: a migration puts these lists back.
 */
export const SYSTEM_ROLES: readonly SystemRole[] = [
  { name: SUPER_ADMIN_ROLE, description: 'May do everything.', permissions: ['*:*:*'] },
  {
    name: 'admin',
    description: 'Runs the platform: users, roles, emails, templates and the audit log.',
    permissions: [
      '*:any:user',
      '*:any:role',
      '*:any:permission',
      '*:any:email',
      '*:any:template',
      '*:any:suppression',
      '*:any:queue',
      'read:any:operations',
      'read:any:audit',
      '*:own:api_key',
    ],
  },
  {
    name: 'manager',
    description: 'Sees users and roles, and sends emails, or takes them back.',
    permissions: [
      'read:any:user',
      'update:own:user',
      'read:any:role',
      'create:any:email',
      'read:any:email',
      'update:own:email',
      'read:any:template',
      '*:own:api_key',
    ],
  },
  {
    name: 'user',
    description: 'Sees and changes what is their own.',
    // No sending of emails: that would make every stranger who signs up a sender of spam.
    permissions: ['read:own:user', 'update:own:user', 'read:own:email', '*:own:api_key'],
  },
];

/** Outside the order of the others: what the key in secrets/load_api_key may do, and no more. */
export const LOAD_TEST_ROLE: SystemRole = {
  name: 'load_test',
  description: 'Reads users, for load tests.',
  permissions: ['read:any:user'],
};

/**
 * Whether a role that people make may not have this name: a system role's, which the next migration would put back,
 * or one that stands for nobody's role in logs.
 */
export function isReservedRoleName(name: string): boolean {
  return RESERVED_ROLE_NAMES.has(name);
}

const RESERVED_ROLE_NAMES = new Set([
  ...[...SYSTEM_ROLES, LOAD_TEST_ROLE].map((role) => role.name),
  'anonymous',
  'system',
]);

/** Inserts the system roles, or puts them back to what stands here. Writes nothing where nothing differs. */
export async function seedSystemRoles(tx: Tx): Promise<void> {
  const written = await tx
    .insert(roles)
    .values(
      [...SYSTEM_ROLES, LOAD_TEST_ROLE].map((role) => ({
        ...role,
        permissions: [...role.permissions],
        isSystem: true,
      })),
    )
    .onConflictDoUpdate({
      target: roles.name,
      set: {
        description: sql`excluded.description`,
        permissions: sql`excluded.permissions`,
        isSystem: true,
        updatedAt: sql`now()`,
      },
      setWhere: sql`(${roles.description}, ${roles.permissions}, ${roles.isSystem})
        is distinct from (excluded.description, excluded.permissions, true)`,
    })
    // Postgres 18: what the row was before. A new one is in no cache.
    .returning({ id: roles.id, isNew: sql<boolean>`old.id is null` });
  await markStale(
    tx,
    written.filter(({ isNew }) => !isNew).map(({ id }) => cacheKey.role(id)),
  );
}
