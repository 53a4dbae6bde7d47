/**
 * For vitest's `globalSetup`: one Postgres and one PgBouncer for the whole run, and two databases to clone:
 * one that is migrated and one that is empty. Nothing ever connects to these two afterwards, because a
 * database with a connection can't be a template.
 */
import { createLogger } from '@sv-sdk/telemetry';
import pg from 'pg';
import { Network } from 'testcontainers';
import type { TestProject } from 'vitest/node';
import { migrate } from '../migrate.ts';
import {
  makeSecrets,
  removeContainers,
  startPgbouncer,
  startPrimary,
  type TestSecrets,
} from './containers.ts';
import { databaseUrl, EMPTY_TEMPLATE, MIGRATED_TEMPLATE, type ServerAddress } from './urls.ts';

export interface TestServers {
  readonly secrets: TestSecrets;
  readonly network: string;
  readonly postgres: ServerAddress & { readonly internalHost: string };
  readonly pgbouncer: ServerAddress & { readonly ipAddress: string };
}

declare module 'vitest' {
  interface ProvidedContext {
    databaseServers: TestServers;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Its own image can't be pulled on a host without a registry; what we start, we stop.
  process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';
  const stack = new AsyncDisposableStack();
  try {
    const secrets = makeSecrets();
    const network = stack.use(await new Network().start());
    stack.defer(() => removeContainers(network.getName()));
    const options = { network: network.getName(), secrets };
    const postgres = await startPrimary(options);
    await makeTemplates(postgres, secrets);
    const pgbouncer = await startPgbouncer({ ...options, server: postgres.internalHost });
    project.provide('databaseServers', {
      secrets,
      network: network.getName(),
      postgres: { host: postgres.host, port: postgres.port, internalHost: postgres.internalHost },
      pgbouncer: {
        host: pgbouncer.host,
        port: pgbouncer.port,
        ipAddress: pgbouncer.container.getIpAddress(network.getName()),
      },
    });
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
  return () => stack.disposeAsync();
}

async function makeTemplates(postgres: ServerAddress, secrets: TestSecrets): Promise<void> {
  const admin = new pg.Client({
    connectionString: databaseUrl(postgres, 'postgres', secrets.postgres_password, 'postgres'),
  });
  await admin.connect();
  try {
    // From `sv` itself, which the image has prepared.
    await admin.query(`create database ${EMPTY_TEMPLATE} template sv owner sv_owner`);
    await admin.query(`create database ${MIGRATED_TEMPLATE} template sv owner sv_owner`);
    await migrate(databaseUrl(postgres, 'sv_owner', secrets.db_owner_password, MIGRATED_TEMPLATE), {
      logger: createLogger({ service: 'test', version: 'test', level: 'error' }),
    });
  } finally {
    await admin.end();
  }
}
