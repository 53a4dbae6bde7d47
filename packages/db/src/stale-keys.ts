import { staleCacheKeys } from './schema/auth.ts';
import type { Tx } from './transaction.ts';

/** What each open transaction has made wrong in the cache; all savepoints of one share its session. */
const ofSession = new WeakMap<object, Set<string>>();

/**
 * Says, in the transaction that changes something, which keys of the cache (`cacheKey` of @sv-sdk/cache) are
 * wrong once it is committed. The keys are a row of the same transaction: `withTx` publishes them right after
 * the commit (`onStaleKeys`), and should the process die in between, the worker does within a second.
 */
export async function markStale(tx: Tx, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await tx.insert(staleCacheKeys).values({ keys: [...keys] });
  const marked = ofSession.get(tx._.session) ?? new Set();
  for (const key of keys) marked.add(key);
  ofSession.set(tx._.session, marked);
}

/**
 * The keys that were marked in a transaction. Also those of a savepoint that was undone: to throw away what is
 * right costs one more look at the database.
 */
export function staleKeysOf(tx: Tx): string[] {
  return [...(ofSession.get(tx._.session) ?? [])];
}
