/**
 * An error for the log: names, codes, stacks and the query's text, but neither a query's parameters nor
 * Postgres' details, which both hold addresses and hashes. drizzle puts the parameters even into its message.
 */
export function describeError(error: unknown, depth = 0): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: typeof error };
  const query = Reflect.get(error, 'query');
  const isQueryError = typeof query === 'string' && Array.isArray(Reflect.get(error, 'params'));
  return {
    type: error.name,
    ...(isQueryError ? { query } : { message: error.message, stack: error.stack }),
    ...pick(error, ['code', 'constraint', 'table', 'column', 'routine']),
    ...(error.cause !== undefined && depth < 4 && { cause: describeError(error.cause, depth + 1) }),
  };
}

function pick(error: Error, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = Reflect.get(error, name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
