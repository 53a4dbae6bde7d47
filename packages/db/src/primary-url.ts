import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';

const WAIT_SECONDS = 60;
const ASK_LIMIT_MS = 3_000;
const RETRY_INTERVAL_MS = 500;

/**
 * A URL with several hosts (`postgres://sv_owner@postgres,postgres-replica/sv`) is libpq's way to name a database whose
 * primary changes at a failover; node-postgres knows one host only. This finds the one that takes writes, and waits for
 * it: just after a start, or in the middle of a failover, there may be none yet. A URL with one host is given back as it
 * is. As in libpq, a port counts for the host in front of it, the others have 5432.
 */
export async function primaryUrl(url: string, options: { waitSeconds?: number } = {}): Promise<string> {
  const candidates = splitHosts(url);
  const [first] = candidates;
  if (first === undefined || candidates.length === 1) return url;
  const { waitSeconds = WAIT_SECONDS } = options;
  const deadline = performance.now() + waitSeconds * 1000;
  for (;;) {
    const answers = await Promise.all(candidates.map((candidate) => ask(candidate)));
    const found = candidates.find((_, index) => answers[index] === 'primary');
    if (found !== undefined) return found;
    if (performance.now() > deadline) {
      const seen = candidates.map((candidate, index) => `${new URL(candidate).host}: ${answers[index]}`);
      throw new Error(`no server took writes within ${waitSeconds} s: ${seen.join('; ')}`);
    }
    await delay(RETRY_INTERVAL_MS);
  }
}

/** One URL a host, without what only libpq understands. */
export function splitHosts(url: string): string[] {
  const parsed = new URL(url);
  const hosts = parsed.hostname.split(',');
  return hosts.map((host, index) => {
    const single = new URL(url);
    single.hostname = host;
    if (index < hosts.length - 1) single.port = '';
    if (hosts.length > 1) single.searchParams.delete('target_session_attrs');
    return single.href;
  });
}

/** `primary`, or why this server is not the one. */
async function ask(url: string): Promise<string> {
  // @types/pg doesn't know that a query may have a time limit of its own.
  const query: pg.QueryConfig & { query_timeout: number } = {
    text: 'select pg_is_in_recovery() as is_standby',
    query_timeout: ASK_LIMIT_MS,
  };
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: ASK_LIMIT_MS });
  // What it would tell is told by connect() or query().
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ is_standby: boolean }>(query);
    return rows[0]?.is_standby === false ? 'primary' : 'a standby';
  } catch (error) {
    // A wrong password or name doesn't get better by waiting.
    if (error instanceof pg.DatabaseError && /^(28|3D)/.test(error.code ?? '')) throw error;
    return error instanceof Error ? error.message : String(error);
  } finally {
    await client.end();
  }
}
