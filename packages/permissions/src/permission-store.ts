import { type Cache, cacheKey, TTL_SECONDS } from '@sv-sdk/cache';
import { type Database, roles, userRoles, users } from '@sv-sdk/db';
import { and, asc, eq, isNull } from 'drizzle-orm';
import { Histogram, type Registry } from 'prom-client';
import { z } from 'zod';

/** About 8 MB: an id and a role or two each. */
const MOST_USERS = 20_000;
const MOST_ROLES = 2_000;
/** Roles of people's own making may be many; those made first are the ones that everybody has. */
const WARMED_ROLES = 200;
/** A backstop: what is in memory goes when it is invalidated. */
const LOCAL_TTL_SECONDS = TTL_SECONDS.short;

/**
 * What users may do, for decisions outside of a transaction. Inside of one that decides about a change, the truth
 * is read with `loadPermissions(tx, …)`. Rejects when neither cache nor database answers: nothing is guessed.
 */
export interface PermissionStore {
  /** What a user's roles give together, each permission once; nothing for one without roles, inactive or deleted. */
  permissionsOf(userId: string): Promise<string[]>;
  /**
   * The same, and sees every grant, revoke and change that was answered before the call; a round trip more. Not
   * for every request: `permissionsOf` may be late by the milliseconds that an invalidation travels.
   */
  currentPermissionsOf(userId: string): Promise<string[]>;
  /** Loads the roles before anybody asks, once the cache can keep them; answers how many. */
  warm(): Promise<number>;
}

const texts = z.array(z.string());
const parseTexts = (json: unknown) => texts.safeParse(json).data;

/** A hit in memory takes microseconds, one in Redis about a millisecond, a question to Postgres a few. */
const CHECK_BUCKETS_SECONDS = [0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1];

/** Roles by user and permissions by role are kept apart: a changed role of a million users is one key. */
export function createPermissionStore(options: {
  db: Database;
  cache: Cache;
  registry: Registry;
}): PermissionStore {
  const { db, cache } = options;
  const duration = new Histogram({
    name: 'sv_permission_check_duration_seconds',
    help: 'Time until it is known what a user may do.',
    buckets: CHECK_BUCKETS_SECONDS,
    registers: [options.registry],
  });
  const roleIds = cache.kind<string, string[]>({
    name: 'permissions',
    key: cacheKey.permissions,
    ttlSeconds: TTL_SECONDS.medium,
    local: { maxEntries: MOST_USERS, ttlSeconds: LOCAL_TTL_SECONDS },
    async load(userId) {
      const granted = await db
        .write()
        .select({ roleId: userRoles.roleId })
        .from(users)
        .leftJoin(userRoles, eq(userRoles.userId, users.id))
        .where(and(eq(users.id, userId), eq(users.isActive, true), isNull(users.deletedAt)));
      // Whoever may not sign in may do nothing, with whatever credential; and that is not kept.
      if (granted.length === 0) return undefined;
      return granted.flatMap(({ roleId }) => roleId ?? []);
    },
    parse: parseTexts,
    isBypassed: () => db.isInOpenTransaction(),
  });
  const rolePermissions = cache.kind<string, string[]>({
    name: 'role',
    key: cacheKey.role,
    ttlSeconds: TTL_SECONDS.medium,
    local: { maxEntries: MOST_ROLES, ttlSeconds: LOCAL_TTL_SECONDS },
    async load(roleId) {
      const [role] = await db
        .write()
        .select({ permissions: roles.permissions })
        .from(roles)
        .where(eq(roles.id, roleId));
      return role?.permissions;
    },
    parse: parseTexts,
    isBypassed: () => db.isInOpenTransaction(),
  });

  const together = async (
    userId: string,
    ids: (userId: string) => Promise<string[] | undefined>,
    ofRole: (roleId: string) => Promise<string[] | undefined>,
  ): Promise<string[]> => {
    const end = duration.startTimer();
    try {
      const held = await Promise.all(((await ids(userId)) ?? []).map(ofRole));
      // A role that is gone gives nothing.
      return [...new Set(held.flatMap((permissions) => permissions ?? []))];
    } finally {
      end();
    }
  };

  return {
    permissionsOf: (userId) => together(userId, roleIds.get, rolePermissions.get),
    currentPermissionsOf: (userId) => together(userId, roleIds.getShared, rolePermissions.getShared),
    async warm() {
      await cache.whenTrusted();
      const found = await db
        .write()
        .select({ id: roles.id })
        .from(roles)
        .orderBy(asc(roles.id))
        .limit(WARMED_ROLES);
      for (const { id } of found) await rolePermissions.get(id);
      return found.length;
    },
  };
}
