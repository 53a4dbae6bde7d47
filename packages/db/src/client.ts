import pg from 'pg';

const CONNECT_LIMIT_MS = 10_000;

/** Runs `action` with a connection of its own, past every pool, and ends its session with whatever that holds. */
export async function withClient<T>(url: string, action: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_LIMIT_MS });
  // The statement under way is rejected; without a listener the process would end before it could say so.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await action(client);
  } finally {
    await client.end();
  }
}
