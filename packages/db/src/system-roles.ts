import { sql } from 'drizzle-orm';
import { roles } from './schema/index.ts';
import type { Tx } from './transaction.ts';

export interface SystemRole {
  readonly name: string;
  readonly description: string;
  /** `action:scope:resource`; `any` includes `own`. */
  readonly permissions: readonly string[];
}

/**
 * The roles that every installation has, each able to grant the next. They can be granted, but neither
 * changed nor deleted: a migration puts these lists back.
 */
export const SYSTEM_ROLES: readonly SystemRole[] = [
  { name: 'super_admin', description: 'May do everything.', permissions: ['*:*:*'] },
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
      'read:any:audit',
      '*:own:api_key',
    ],
  },
  {
    name: 'manager',
    description: 'Sees users and roles, and sends emails.',
    permissions: [
      'read:any:user',
      'update:own:user',
      'read:any:role',
      'create:any:email',
      'read:any:email',
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

/** Inserts the system roles, or puts them back to what stands here. Writes nothing where nothing differs. */
export async function seedSystemRoles(tx: Tx): Promise<void> {
  await tx
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
    });
}
