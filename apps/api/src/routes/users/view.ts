import type { UserRow } from '@sv-sdk/auth';
import { z } from 'zod';
import { moment } from '../../schemas.ts';

export const userView = z
  .strictObject({
    id: z.string(),
    email: z.string(),
    emailVerified: z.boolean(),
    name: z.string(),
    image: z.string().nullable(),
    role: z.string(),
    isActive: z.boolean(),
    lastLoginAt: moment.nullable(),
    createdAt: moment,
    updatedAt: moment,
  })
  .meta({ id: 'User' });

/** A user as a caller sees it; each field is named, so that a new column doesn't leak by itself. */
export function viewUser(user: Omit<UserRow, 'deletedAt'>): z.output<typeof userView> {
  return {
    id: user.id,
    email: user.email,
    emailVerified: user.emailVerified,
    name: user.name,
    image: user.image,
    role: user.role,
    isActive: user.isActive,
    lastLoginAt: user.lastLoginAt?.toISOString() ?? null,
    createdAt: user.createdAt.toISOString(),
    updatedAt: user.updatedAt.toISOString(),
  };
}
