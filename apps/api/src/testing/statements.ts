import pg from 'pg';
import { vi } from 'vitest';

/**
 * The text of every statement that this process sends to Postgres while `action` runs, in their order. Whether a
 * savepoint was kept or undone is not told: to Postgres it is the same work.
 */
export async function statementsDuring(action: () => Promise<unknown>): Promise<string[]> {
  const query = vi.spyOn(pg.Client.prototype, 'query');
  try {
    await action();
    return query.mock.calls.map(([statement]) => {
      const text = typeof statement === 'string' ? statement : Reflect.get(statement, 'text');
      return String(text).replace(/^(?:release|rollback to) savepoint/, 'end savepoint');
    });
  } finally {
    query.mockRestore();
  }
}
