import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Principal } from '@sv-sdk/auth';
import { type Database, type Db, idempotencyKeys, type Tx } from '@sv-sdk/db';
import { and, eq, gt, lte, sql } from 'drizzle-orm';
import { ApiError, type ErrorCode, toApiError } from '../errors.ts';
import { type Answer, refusalOf } from './answer.ts';
import { Turns } from './turns.ts';

export const IDEMPOTENCY_KEY = 'Idempotency-Key';
/** Visible ASCII: what can be printed, searched for and sent in any header. */
export const IDEMPOTENCY_KEY_PATTERN = /^[\x21-\x7e]{1,255}$/;

/** Stripe's, and long enough for any client that still tries (facts: Stripe keeps status and body ≥ 24 h). */
const KEPT_HOURS = 24;

/**
 * Refusals that are not kept: what a caller mends and sends again (VALIDATION_ERROR, a wrong password), and what
 * ends by itself (a lock, a rate limit). 5xx are not kept either: nothing was done.
 */
const NOT_KEPT = new Set<ErrorCode>([
  'VALIDATION_ERROR',
  'AUTHENTICATION_ERROR',
  'SESSION_ERROR',
  'ACCOUNT_LOCKED',
  'RATE_LIMIT_EXCEEDED',
]);

export interface KeyedRequest {
  readonly principal: Principal | undefined;
  readonly key: string;
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** As it was sent; undefined where none is read. */
  readonly body: unknown;
}

/** The header's value, if there is one; throws VALIDATION_ERROR where it can't be a key. */
export function idempotencyKeyOf(headers: IncomingHttpHeaders): string | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  // Node joins several headers with ", ", which no key can have in it.
  if (typeof key !== 'string' || !IDEMPOTENCY_KEY_PATTERN.test(key)) {
    throw new ApiError(
      'VALIDATION_ERROR',
      `${IDEMPOTENCY_KEY}: must be 1 to 255 visible ASCII characters, such as a UUID`,
      { field: IDEMPOTENCY_KEY },
    );
  }
  return key;
}

export interface Idempotency {
  /**
   * Answers with what was answered to this key the first time; else acts, in one transaction with keeping the
   * answer. Rejects with CONSTRAINT_VIOLATION if the key was another request's.
   * `onRefusal` writes into the transaction that keeps a refusal.
   */
  answer(
    request: KeyedRequest,
    act: () => Promise<Answer>,
    onRefusal: (tx: Tx, error: ApiError) => Promise<void>,
  ): Promise<{ answer: Answer; isReplayed: boolean }>;
}

/** See docs/adr/0009. `secrets` is ENCRYPTION_KEY: what is kept under any of them can be read, the first keeps. */
export function createIdempotency(options: {
  db: Database;
  secrets: readonly [string, ...string[]];
}): Idempotency {
  const { db } = options;
  const store = createStore(options.secrets);
  /** A hundred of one key at once hold one connection, not a hundred. Other instances' wait at the unique index. */
  const turns = new Turns();

  return {
    answer(request, act, onRefusal) {
      const slot = store.slotOf(request);
      return turns.take(JSON.stringify([slot.principalId, slot.key]), async () => {
        // Before anything is done: a repetition costs one query, and no password is hashed for it.
        const kept = await store.find(db.write(), slot);
        if (kept !== undefined) return { answer: settle(kept), isReplayed: true };
        return first(slot, act, onRefusal);
      });
    },
  };

  async function first(
    slot: Slot,
    act: () => Promise<Answer>,
    onRefusal: (tx: Tx, error: ApiError) => Promise<void>,
  ) {
    /** Of another instance that was faster. What is thrown then may reach us in any wrapping, so it says nothing. */
    let kept: Kept | undefined;
    const claim = async (tx: Tx) => {
      kept = await store.claim(tx, slot);
      if (kept !== undefined) throw new Error('this request was answered by another instance meanwhile');
    };
    try {
      const answer = await db.inOneTransaction(
        async () => {
          const acted = await act();
          await db.withTx((tx) => store.keep(tx, slot, acted));
          return acted;
        },
        { onBegin: claim },
      );
      return { answer, isReplayed: false };
    } catch (error) {
      if (kept !== undefined) return { answer: settle(kept), isReplayed: true };
      const refusal = toApiError(error);
      if (refusal.status >= 500 || NOT_KEPT.has(refusal.code)) throw error;
      const answer = refusalOf(refusal);
      const keep = async (tx: Tx) => {
        await claim(tx);
        await store.keep(tx, slot, answer);
        await onRefusal(tx, refusal);
      };
      try {
        await db.withTx(keep, { separate: true });
      } catch (failure) {
        if (kept !== undefined) return { answer: settle(kept), isReplayed: true };
        throw failure;
      }
      return { answer, isReplayed: false };
    }
  }
}

/** Where the answer to a request is kept. */
interface Slot {
  readonly principalId: string;
  readonly key: string;
  /** Under each key, the current one's first. */
  readonly requestHashes: readonly [string, ...string[]];
}

/** An answer, or that the key was another request's. */
type Kept = Answer | 'of another request';

function settle(kept: Kept): Answer {
  if (kept !== 'of another request') return kept;
  throw new ApiError(
    'CONSTRAINT_VIOLATION',
    `${IDEMPOTENCY_KEY}: was used for another request; take a new key for each`,
    { field: IDEMPOTENCY_KEY },
  );
}

function createStore([currentSecret, ...oldSecrets]: readonly [string, ...string[]]) {
  const keyOf = (secret: string) => ({
    hashKey: derive(secret, 'sv-sdk idempotency request'),
    cipher: createCipher(derive(secret, 'sv-sdk idempotency answer')),
  });
  const current = keyOf(currentSecret);
  const old = oldSecrets.map(keyOf);
  const keys = [current, ...old];
  const at = (slot: Slot) =>
    and(eq(idempotencyKeys.principalId, slot.principalId), eq(idempotencyKeys.key, slot.key));

  const find = async (db: Db | Tx, slot: Slot): Promise<Kept | undefined> => {
    const [row] = await db
      .select()
      .from(idempotencyKeys)
      .where(and(at(slot), gt(idempotencyKeys.expiresAt, sql`now()`)));
    if (row === undefined) return undefined;
    const key = keys[slot.requestHashes.indexOf(row.requestHash)];
    if (key === undefined) return 'of another request';
    if (row.status === null || row.answer === null) throw new Error('a key was committed without its answer');
    const { cookies, content } = JSON.parse(
      key.cipher.open(row.answer, boundTo(slot, row.requestHash, row.status)),
    );
    return { status: row.status, cookies, content };
  };

  return {
    find,

    /** Keyed by HMAC, not hashed: the body may hold a password, and a thief of the table could try them all. */
    slotOf({ principal, key, method, url, body }: KeyedRequest): Slot {
      const request = JSON.stringify([method, url, body === undefined ? null : sorted(body)]);
      const hash = ({ hashKey }: { hashKey: Buffer }) =>
        createHmac('sha256', hashKey).update(request).digest('hex');
      return {
        principalId: idOf(principal),
        key,
        requestHashes: [hash(current), ...old.map(hash)],
      };
    },

    /** Takes the key, or gives what is kept under it. Waits for whoever has taken it and is not done yet. */
    async claim(tx: Tx, slot: Slot): Promise<Kept | undefined> {
      const fresh = {
        requestHash: slot.requestHashes[0],
        status: null,
        answer: null,
        createdAt: sql`now()`,
        expiresAt: sql`now() + make_interval(hours => ${KEPT_HOURS})`,
      };
      const { rowCount } = await tx
        .insert(idempotencyKeys)
        .values({ principalId: slot.principalId, key: slot.key, ...fresh })
        .onConflictDoUpdate({
          target: [idempotencyKeys.principalId, idempotencyKeys.key],
          set: fresh,
          setWhere: lte(idempotencyKeys.expiresAt, sql`now()`),
        });
      if (rowCount === 1) return undefined;
      const kept = await find(tx, slot);
      if (kept === undefined) throw new Error('a key was neither free nor taken');
      return kept;
    },

    async keep(tx: Tx, slot: Slot, { status, cookies, content }: Answer): Promise<void> {
      const bound = boundTo(slot, slot.requestHashes[0], status);
      const answer = current.cipher.seal(JSON.stringify({ cookies, content }), bound);
      await tx.update(idempotencyKeys).set({ status, answer }).where(at(slot));
    },
  };
}

/** A key with fewer scopes than its user must not be handed an answer that its user got with all of them. */
function idOf(principal: Principal | undefined): string {
  if (principal === undefined) return 'anonymous';
  return principal.kind === 'api_key' ? principal.credentialId : principal.userId;
}

/** An answer that was moved to another row, or to another status, does not open. */
function boundTo(slot: Slot, requestHash: string, status: number): string {
  return JSON.stringify([slot.principalId, slot.key, requestHash, status]);
}

/** The same JSON, whatever order its fields came in. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([name, inner]) => [name, sorted(inner)] as const);
  return Object.fromEntries(fields.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function derive(secret: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', purpose, 32));
}

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM: iv, tag, ciphertext. A random iv is safe for 2^32 answers under one key (NIST SP 800-38D). */
function createCipher(key: Buffer) {
  return {
    seal(text: string, bound: string): Buffer {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(bound));
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), sealed]);
    },
    open(sealed: Buffer, bound: string): string {
      const iv = sealed.subarray(0, IV_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(bound));
      decipher.setAuthTag(sealed.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
      const rest = sealed.subarray(IV_BYTES + TAG_BYTES);
      return decipher.update(rest, undefined, 'utf8') + decipher.final('utf8');
    },
  };
}
