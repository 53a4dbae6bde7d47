/** The names of what is cached, as SV-SDK's users know them. A key's part before the first `:` is its kind. */
export const cacheKey = {
  /** A user as the API shows it. */
  user: (userId: string) => `user:${userId}`,
  /** The first page of all users, or of those with this main role; no role's name holds a `*`. */
  userList: (role: string | undefined) => `user_list:${role ?? '*'}`,
  /** `tokenHash`: SHA-256 of the token in hexadecimal, as auth.sessions keeps it; the cache, too, opens no door. */
  session: (tokenHash: string) => `session:${tokenHash}`,
  /** `keyHash`: as auth.api_keys keeps it. */
  apiKey: (keyHash: string) => `api_key:${keyHash}`,
  /** The roles of a user. */
  permissions: (userId: string) => `permissions:${userId}`,
  /** What a role permits, by its id: a role of a million users is one key. */
  role: (roleId: string) => `role:${roleId}`,
  template: (name: string, locale: string) => `template:${name}:${locale}`,
} as const;

/** What shows a user whose row was made or changed. `roles`: the main role; the one before, too, where that has changed. */
export function keysOfUser(userId: string, ...roles: readonly string[]): string[] {
  return [cacheKey.user(userId), cacheKey.userList(undefined), ...new Set(roles.map(cacheKey.userList))];
}

/** How long what is cached lives without a word of invalidation (SV-SDK's tiers). */
export const TTL_SECONDS = { short: 60, medium: 300, long: 3_600, day: 86_400, week: 604_800 } as const;

/** The part of a key before its first `:`. */
export function kindOf(key: string): string {
  const colon = key.indexOf(':');
  return colon === -1 ? key : key.slice(0, colon);
}
