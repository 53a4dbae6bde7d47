import { recordAudit } from '@sv-sdk/audit';
import { hashPassword, insertUser } from '@sv-sdk/auth';
import { roles, type Seed, userRoles, users } from '@sv-sdk/db';
import type { Logger } from '@sv-sdk/telemetry';
import { and, eq, isNull } from 'drizzle-orm';

const ROLE = 'super_admin';

/**
 * Makes the first administrator, and does nothing once there is one: a password that was changed, or a user
 * who was renamed, is never put back by a restart.
 */
export function seedFirstAdministrator(options: { email: string; password: string; logger: Logger }): Seed {
  const { email, logger } = options;
  return async (tx) => {
    const [administrator] = await tx
      .select({ id: users.id })
      .from(users)
      .innerJoin(userRoles, eq(userRoles.userId, users.id))
      .innerJoin(roles, and(eq(roles.id, userRoles.roleId), eq(roles.name, ROLE)))
      .where(isNull(users.deletedAt))
      .limit(1);
    if (administrator !== undefined) return;

    const passwordHash = await hashPassword(options.password);
    const user = await insertUser(tx, {
      email,
      name: 'Administrator',
      role: ROLE,
      passwordHash,
      emailVerified: true,
      grantedBy: null,
    });
    if (user === undefined) {
      // Somebody else's account is not made an administrator's by a setting.
      logger.warn('there is no administrator, and the address in SV_ADMIN_EMAIL belongs to an ordinary user');
      return;
    }
    await recordAudit(tx, {
      eventType: 'user.created',
      userId: null,
      ipAddress: null,
      metadata: { targetUserId: user.id, email, role: ROLE, by: 'sdk db migrate' },
    });
    logger.info({ userId: user.id }, 'the first administrator was made');
  };
}
