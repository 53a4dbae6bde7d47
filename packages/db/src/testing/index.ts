export {
  makeSecrets,
  type NodeOptions,
  removeContainers,
  startNode,
  startPgbouncer,
  startPrimary,
  startReplica,
  type TestSecrets,
  type TestServer,
} from './containers.ts';
export type { TestServers } from './global-setup.ts';
export { createTestDatabase, type TestDatabase } from './test-database.ts';
export { SOON, startTestReplica, type TestReplica } from './test-replica.ts';
export { databaseUrl } from './urls.ts';
