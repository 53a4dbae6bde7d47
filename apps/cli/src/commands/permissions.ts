import { roles, SUPER_ADMIN_ROLE, type Tx, userRoles } from '@sv-sdk/db';
import {
  allows,
  grantRole,
  hasTooManyRoles,
  isLastSuperAdmin,
  isPermission,
  loadPermissions,
  MAX_ROLES_PER_USER,
  revokeRole,
} from '@sv-sdk/permissions';
import type { Command } from 'commander';
import { asc, eq } from 'drizzle-orm';
import { columns, ExitCode, print, UsageError } from '../output.ts';
import { recordCommand, withDatabase } from '../platform.ts';
import { findUser, lockUser } from '../users.ts';

interface JsonOption {
  readonly json?: boolean;
}

export function addPermissionCommands(program: Command): void {
  const permissions = program.command('permissions').description('roles, and what they permit');
  permissions
    .command('list')
    .description('the roles and their permissions')
    .option('--user <user>', 'only the roles of this user, by address or id')
    .option('--json', 'print JSON')
    .action(listRoles);
  permissions
    .command('assign')
    .description('grants a role to a user, beside the main one')
    .argument('<user>', 'address or id')
    .argument('<role>', 'its name')
    .option('--remove', 'takes the role away')
    .option('--json', 'print JSON')
    .action(assignRole);
  permissions
    .command('check')
    .description('whether a user may do all of this; exit code 1 if not')
    .argument('<user>', 'address or id')
    .argument('<permission...>', 'such as read:any:user')
    .option('--json', 'print JSON')
    .action(checkPermissions);
}

async function listRoles(options: JsonOption & { user?: string }): Promise<void> {
  const { user: named } = options;
  const { user, rows } = await withDatabase(async (database) => {
    const db = database.write();
    const columnsOfRole = {
      name: roles.name,
      description: roles.description,
      permissions: roles.permissions,
      isSystem: roles.isSystem,
    };
    if (named === undefined) {
      return { user: undefined, rows: await db.select(columnsOfRole).from(roles).orderBy(asc(roles.name)) };
    }
    const found = await findUser(db, named);
    const held = await db
      .select(columnsOfRole)
      .from(userRoles)
      .innerJoin(roles, eq(roles.id, userRoles.roleId))
      .where(eq(userRoles.userId, found.id))
      .orderBy(asc(roles.name));
    return { user: found, rows: held };
  });
  const lines = rows.flatMap(({ name, permissions, isSystem }) =>
    (permissions.length === 0 ? ['none'] : permissions).map((permission, index) =>
      index === 0 ? [name, isSystem ? 'system' : 'own', permission] : ['', '', permission],
    ),
  );
  const heading = user === undefined ? '' : `Roles of ${user.email}, main role ${user.role}\n`;
  print(
    {
      text: heading + columns(['role', 'kind', 'permissions'], lines),
      json: {
        ok: true,
        ...(user !== undefined && { user: { id: user.id, email: user.email, role: user.role } }),
        roles: rows,
      },
    },
    options.json ?? false,
  );
}

async function assignRole(
  named: string,
  role: string,
  options: JsonOption & { remove?: boolean },
): Promise<void> {
  const isRemoval = options.remove ?? false;
  const { user, isChanged } = await withDatabase((db) =>
    db.withTx(async (tx) => {
      const found = await lockUser(tx, named);
      const roleId = await requireRole(tx, role);
      const change = { userId: found.id, role };
      const hasChanged = isRemoval
        ? await remove(tx, change, found.role)
        : await grantRole(tx, { ...change, grantedBy: null });
      if (!isRemoval && (await hasTooManyRoles(tx, found.id))) {
        throw new Error(`a user can have at most ${MAX_ROLES_PER_USER} roles`);
      }
      if (hasChanged) {
        await recordCommand(tx, 'permissions assign', {
          eventType: isRemoval ? 'role.revoked' : 'role.granted',
          metadata: { targetUserId: found.id, roleId, role },
        });
      }
      return { user: found, isChanged: hasChanged };
    }),
  );
  const did = isRemoval ? 'no longer has' : 'has';
  const unchanged = isRemoval ? 'did not have' : 'had';
  print(
    {
      text: isChanged
        ? `${user.email} ${did} the role ${role}.`
        : `Nothing changed: ${user.email} ${unchanged} the role ${role}.`,
      json: { ok: true, userId: user.id, role, isHeld: !isRemoval, isChanged },
    },
    options.json ?? false,
  );
}

/** The role's id; while the transaction lasts nobody deletes it. */
async function requireRole(tx: Tx, name: string): Promise<string> {
  const [role] = await tx.select({ id: roles.id }).from(roles).where(eq(roles.name, name)).for('share');
  if (role === undefined) throw new Error(`there is no role ${name}; \`sdk permissions list\` shows all`);
  return role.id;
}

async function remove(tx: Tx, change: { userId: string; role: string }, mainRole: string): Promise<boolean> {
  if (change.role === mainRole) {
    throw new Error(`${change.role} is the user's main role, which PATCH /api/v1/users/:id changes`);
  }
  if (change.role === SUPER_ADMIN_ROLE && (await isLastSuperAdmin(tx, change.userId))) {
    throw new Error('this is the last active super_admin; make another one first');
  }
  return await revokeRole(tx, change);
}

async function checkPermissions(
  named: string,
  permissions: readonly string[],
  options: JsonOption,
): Promise<void> {
  const malformed = permissions.find((permission) => !isPermission(permission));
  if (malformed !== undefined) {
    throw new UsageError(`${malformed}: action:scope:resource is expected, such as read:any:user`);
  }
  const { user, held } = await withDatabase(async (database) => {
    const db = database.write();
    const found = await findUser(db, named);
    // Who may not sign in may do nothing, whatever the roles say.
    return { user: found, held: found.isActive ? await loadPermissions(db, found.id) : [] };
  });
  const results = permissions.map((permission) => ({ permission, allowed: allows(held, permission) }));
  const isAllowed = results.every(({ allowed }) => allowed);
  const state = user.isActive ? '' : `\n${user.email} is inactive and may do nothing.`;
  print(
    {
      text:
        columns(
          ['permission', 'allowed'],
          results.map(({ permission, allowed }) => [permission, allowed ? 'yes' : 'no']),
        ) + state,
      json: { ok: isAllowed, userId: user.id, isActive: user.isActive, results },
    },
    options.json ?? false,
  );
  if (!isAllowed) process.exitCode = ExitCode.failed;
}
