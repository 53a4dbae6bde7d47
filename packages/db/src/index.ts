export { withClient } from './client.ts';
export { createDatabase, type Database, type DatabaseOptions } from './database.ts';
export {
  type MigrationReport,
  type MigrationStatus,
  maxConnectionsOf,
  migrate,
  migrationStatus,
  type Seed,
} from './migrate.ts';
export { executeNamed } from './named-statement.ts';
export { type PrepareReport, prepareServer } from './prepare.ts';
export { prepared } from './prepared.ts';
export { primaryUrl } from './primary-url.ts';
export { RECENT_WRITE_SECONDS, type RecentWrites } from './recent-writes.ts';
export { renewPools } from './renew-pools.ts';
export * from './schema/index.ts';
export { markStale } from './stale-keys.ts';
export {
  isReservedRoleName,
  LOAD_TEST_ROLE,
  SUPER_ADMIN_ROLE,
  SYSTEM_ROLES,
  type SystemRole,
} from './system-roles.ts';
export { type Db, type Tx, transactOn } from './transaction.ts';
