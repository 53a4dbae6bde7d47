import type { Db } from './transaction.ts';

interface Statement<Result> {
  prepare(name: string): { execute(values: Record<string, unknown>): Promise<Result> };
}

/**
 * A query that is built once for each `Db`, and planned once by each connection to Postgres, instead of at each call: for what
 * is asked often. `build` has a placeholder (`sql.placeholder`) for whatever differs from call to call; `values` are theirs.
 */
export function prepared<Result>(
  name: string,
  build: (db: Db) => Statement<Result>,
): (db: Db, values: Record<string, unknown>) => Promise<Result> {
  const built = new WeakMap<Db, ReturnType<Statement<Result>['prepare']>>();
  return (db, values) => {
    let query = built.get(db);
    if (query === undefined) {
      query = build(db).prepare(name);
      built.set(db, query);
    }
    return query.execute(values);
  };
}
