import type { SQL } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import type pg from 'pg';
import type { Db } from './transaction.ts';

const dialect = new PgDialect();

/**
 * Runs a statement under a name, so that each connection to Postgres plans it once and not each time: for what is long
 * and asked often. (Of the time that Postgres took for claiming emails 63 % was planning, of recording them 27 %.) The text
 * must be the same at each call, so values go in as parameters. Through PgBouncer too, which keeps the names apart
 * (max_prepared_statements).
 */
export async function executeNamed<Row extends Record<string, unknown>>(
  db: Db,
  name: string,
  statement: SQL,
): Promise<pg.QueryResult<Row>> {
  const query = db._.session.prepareQuery(dialect.sqlToQuery(statement), undefined, name, false);
  return (await query.execute()) as pg.QueryResult<Row>;
}
