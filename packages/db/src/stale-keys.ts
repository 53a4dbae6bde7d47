import { staleCacheKeys } from './schema/auth.ts';
import type { Tx } from './transaction.ts';

/** What each open transaction has made wrong in the cache. */
const ofTransaction = new WeakMap<object, Set<string>>();

/**
 * Says, in the transaction that changes something, which keys of the cache (`cacheKey` of @sv-sdk/cache) are
 * wrong once it is committed. The keys are a row of the same transaction: `withTx` publishes them right after
 * the commit (`onStaleKeys`), and should the process die in between, the worker does within a second.
 */
export async function markStale(tx: Tx, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await tx.insert(staleCacheKeys).values({ keys: [...keys] });
  const marked = ofTransaction.get(tx) ?? new Set();
  for (const key of keys) marked.add(key);
  ofTransaction.set(tx, marked);
}

/** The keys that were marked in a transaction. */
export function staleKeysOf(tx: Tx): string[] {
  return [...(ofTransaction.get(tx) ?? [])];
}
