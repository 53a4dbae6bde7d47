import type pg from 'pg';

/** A server that doesn't say where it is within this time is not one to send a caller to. */
const ANSWER_LIMIT_MS = 1_000;

/** The one row that a question to a server is answered with. */
export async function askOne<Row extends pg.QueryResultRow>(pool: pg.Pool, text: string): Promise<Row> {
  // @types/pg doesn't know that a query may have a time limit of its own.
  const query: pg.QueryConfig & { query_timeout: number } = { text, query_timeout: ANSWER_LIMIT_MS };
  const { rows } = await pool.query<Row>(query);
  const [row] = rows;
  if (row === undefined) throw new Error('the server answered with no row');
  return row;
}
