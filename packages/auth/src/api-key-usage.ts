import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '@sv-sdk/db';
import type { Logger } from '@sv-sdk/telemetry';
import { sql } from 'drizzle-orm';

/** A person who looks for keys that nobody uses needs no better than half a minute. */
const INTERVAL_MS = 30_000;

export interface ApiKeyUsage {
  /** Says that a key was used now. Costs no round trip. */
  touch(apiKeyId: string): void;
  /** Writes what is left. */
  close(): Promise<void>;
}

/**
 * Keeps api_keys.last_used_at without a write per request: uses are remembered in the process and written for
 * all keys together every `intervalMs` (30 s). A process that is killed forgets at most that much.
 */
export function createApiKeyUsage(options: {
  db: Database;
  logger: Logger;
  intervalMs?: number;
}): ApiKeyUsage {
  const { db, logger, intervalMs = INTERVAL_MS } = options;
  // No more entries than keys that were accepted: nobody can make it grow by guessing.
  let lastUses = new Map<string, Date>();

  const flush = async () => {
    if (lastUses.size === 0) return;
    const written = lastUses;
    lastUses = new Map();
    try {
      await writeLastUses(db, written);
    } catch (error) {
      // For the next turn; a use that came meanwhile is the later one.
      lastUses = new Map([...written, ...lastUses]);
      logger.warn({ err: error, apiKeys: written.size }, 'the last uses of API keys could not be written');
    }
  };

  const closing = new AbortController();
  const run = async () => {
    while (!closing.signal.aborted) {
      await flush();
      // Rejects only when it is aborted.
      await sleep(intervalMs, undefined, { signal: closing.signal, ref: false }).catch(() => undefined);
    }
    await flush();
  };
  const ended = run();

  return {
    touch: (apiKeyId) => {
      lastUses.set(apiKeyId, new Date());
    },
    close: async () => {
      closing.abort();
      await ended;
    },
  };
}

/**
 * Only where it is a minute older: a key in use on five instances is written once a minute, not ten times. A row
 * that another instance is writing just now is skipped, which also keeps two of them from waiting for each other.
 */
async function writeLastUses(db: Database, lastUses: ReadonlyMap<string, Date>): Promise<void> {
  const ids = [...lastUses.keys()];
  const moments = [...lastUses.values()].map((at) => at.toISOString());
  await db.write().execute(sql`
    with due as (
      select k.id, used.at
      from unnest(${sql.param(ids)}::text[], ${sql.param(moments)}::timestamptz[]) as used (id, at)
      join auth.api_keys k on k.id = used.id
      where k.last_used_at is null or k.last_used_at < used.at - interval '1 minute'
      for update of k skip locked
    )
    update auth.api_keys k set last_used_at = due.at from due where k.id = due.id`);
}
