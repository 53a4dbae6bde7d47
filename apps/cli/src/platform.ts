/** What commands that change the platform have in common. */
import { type AuditEvent, recordAudit } from '@sv-sdk/audit';
import { loadConfig, withPassword } from '@sv-sdk/config';
import { createDatabase, type Database, primaryUrl, type Tx } from '@sv-sdk/db';
import { createLogger, createRegistry } from '@sv-sdk/telemetry';

/**
 * Runs `action` with the database as the app has it: through PgBouncer, with the app's rights. Stale keys of the
 * cache are published by the worker within a second, as there is none here.
 */
export async function withDatabase<T>(action: (db: Database) => Promise<T>): Promise<T> {
  const config = loadConfig(['DATABASE_URL', 'DB_PASSWORD', 'SV_VERSION']);
  const process = { service: 'sdk', version: config.SV_VERSION };
  const db = createDatabase({
    primaryUrl: withPassword(config.DATABASE_URL, config.DB_PASSWORD),
    poolMin: 0,
    poolMax: 2,
    // What goes wrong is thrown, and told as one message.
    logger: createLogger({ ...process, level: 'silent' }),
    registry: createRegistry(process),
  });
  try {
    return await action(db);
  } finally {
    await db.close();
  }
}

/** As the schema's owner, direct to the server that is the primary now, and so for migrations and bulk loads. */
export async function ownerUrl(config: {
  DATABASE_DIRECT_URL: string;
  DB_OWNER_PASSWORD: string;
}): Promise<string> {
  return await primaryUrl(withPassword(config.DATABASE_DIRECT_URL, config.DB_OWNER_PASSWORD));
}

/** The audit row of a change by this command, in the transaction of that change. Nobody is signed in here. */
export async function recordCommand(
  tx: Tx,
  command: string,
  event: Pick<AuditEvent, 'eventType' | 'metadata'>,
): Promise<void> {
  await recordAudit(tx, {
    eventType: event.eventType,
    userId: null,
    ipAddress: null,
    metadata: { ...event.metadata, by: `sdk ${command}` },
  });
}
