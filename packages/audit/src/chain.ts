/** The audit log's hash chain: what is hashed, and how (ADR 0013). Nothing here touches the database. */
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

/** Of the canonical form below. A new column, or another order, is a new version; old rows keep theirs. */
export const CHAIN_VERSION = 1;
const HASH = /^v1\.([\w-]{43})\.([\w-]{43})$/;

/** What the chain begins with, in place of a last hash. */
export const GENESIS = '';

/** A row of audit_logs as Postgres has stored it, never as it was sent. */
export interface StoredRow {
  readonly id: string;
  /** Milliseconds since 1970, as a decimal number; `Infinity` is a time too, to Postgres. */
  readonly createdAtMs: string;
  readonly eventType: string;
  readonly userId: string | null;
  readonly ipAddress: string | null;
  /** Postgres' own text of the jsonb: its keys have one order and its numbers one form, whatever was sent. */
  readonly metadata: string;
  readonly piiMasked: boolean;
}

/** Columns that the canonical form covers, `sequence` with them; `hash` is what comes of it. */
export const SEALED_COLUMNS = [
  'id',
  'created_at',
  'event_type',
  'user_id',
  'ip_address',
  'metadata',
  'pii_masked',
  'sequence',
] as const;

/** The key of the chain, from the platform's ENCRYPTION_KEY; for nothing else (HKDF's info). */
export function deriveChainKey(encryptionKey: string): Buffer {
  return Buffer.from(hkdfSync('sha256', encryptionKey, '', 'sv-sdk audit chain v1', 32));
}

/** Of a ring: the current key, and those before it, under which older rows are sealed. */
export type ChainKeys = readonly [Buffer, ...Buffer[]];

export function deriveChainKeys([current, ...old]: readonly [string, ...string[]]): ChainKeys {
  return [deriveChainKey(current), ...old.map(deriveChainKey)];
}

/**
 * The hash of the row with this sequence, `v1.<content>.<link>`:
 * content = HMAC(key, ["row", 1, sequence, every stored column]); link = HMAC(key, ["link", 1, the link before, content]).
 * A row can be judged by its content alone, so that of several that were tampered with each is named; the links
 * tie it to everything before it.
 */
export function hashRow(key: Buffer, previousHash: string, sequence: number, row: StoredRow): string {
  const content = contentOf(key, sequence, row);
  return `v1.${content}.${linkOf(key, previousHash, content)}`;
}

export type RowVerdict = 'right' | 'content is wrong' | 'link is wrong';

/** Judges a sealed row; `previousHash` undefined: the row before is not to be had, and the link isn't looked at. */
export function judgeRow(
  key: Buffer,
  previousHash: string | undefined,
  sequence: number,
  row: StoredRow & { readonly hash: string | null },
): RowVerdict {
  const [, content = '', link = ''] = HASH.exec(row.hash ?? '') ?? [];
  if (!isSame(content, contentOf(key, sequence, row))) return 'content is wrong';
  if (previousHash !== undefined && !isSame(link, linkOf(key, previousHash, content))) return 'link is wrong';
  return 'right';
}

/** Over the end of the chain, in chain_head. */
export function signHead(key: Buffer, head: { sequence: number; hash: string }): string {
  return hmac(key, ['head', CHAIN_VERSION, head.sequence, head.hash]);
}

/** Of an untouched head: no row yet and no signature, or its signature is ours. */
export function isHeadSigned(
  key: Buffer,
  head: { sequence: number; hash: string; signature: string | null },
): boolean {
  if (head.signature === null) return head.sequence === 0 && head.hash === GENESIS;
  return isSame(head.signature, signHead(key, head));
}

/** A partition that retention dropped: between which rows the chain has nothing left. */
export interface Anchor {
  readonly name: string;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly lastHash: string;
  readonly rowCount: number;
}

export function signAnchor(key: Buffer, anchor: Anchor): string {
  const { name, firstSequence, lastSequence, lastHash, rowCount } = anchor;
  return hmac(key, ['anchor', CHAIN_VERSION, name, firstSequence, lastSequence, lastHash, rowCount]);
}

export function isAnchorSigned(key: Buffer, anchor: Anchor & { readonly signature: string }): boolean {
  return isSame(anchor.signature, signAnchor(key, anchor));
}

function contentOf(key: Buffer, sequence: number, row: StoredRow): string {
  return hmac(key, [
    'row',
    CHAIN_VERSION,
    sequence,
    row.id,
    row.createdAtMs,
    row.eventType,
    row.userId,
    row.ipAddress,
    row.metadata,
    row.piiMasked,
  ]);
}

function linkOf(key: Buffer, previousHash: string, content: string): string {
  return hmac(key, ['link', CHAIN_VERSION, HASH.exec(previousHash)?.[2] ?? '', content]);
}

/** JSON of a list is unambiguous: no two lists of these values have the same text. */
function hmac(key: Buffer, parts: readonly (string | number | boolean | null)[]): string {
  return createHmac('sha256', key).update(JSON.stringify(parts)).digest('base64url');
}

function isSame(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
