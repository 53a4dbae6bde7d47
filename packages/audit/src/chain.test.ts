import { expect, test } from 'vitest';
import { deriveChainKey, GENESIS, hashRow, judgeRow, type StoredRow } from './chain.ts';

const key = deriveChainKey('0123456789abcdef'.repeat(4));
const row: StoredRow = {
  id: '0199a8f0-0000-7000-8000-000000000001',
  createdAtMs: '1795478099338',
  eventType: 'user.created',
  userId: null,
  ipAddress: '192.0.2.1',
  metadata: '{"role": "user"}',
  piiMasked: true,
};

test('the canonical form stays what it is: a log that was sealed by an older version can be verified', () => {
  expect(hashRow(key, GENESIS, 1, row)).toBe(
    'v1.48klkDZYgJvh_7Fpo7vz3V8UxLYqnqL1X4oA19uXHm0.92gy9qIkgUXjWpozzbjCYFH6wTFrQBe6F4q3KHok6oo',
  );
  expect(hashRow(key, hashRow(key, GENESIS, 1, row), 2, { ...row, userId: 'u' })).toBe(
    'v1.hpJKzC51-F60FHQcLsm-tFkvDrKtKBpSv4Zz2ZtJKIg.RCjetHh-fKtqvj0tiKPVz5EL2dislxKz8EjD_TCpHBY',
  );
});

test.each([
  ['id', { id: 'x' }],
  ['created_at', { createdAtMs: '1795478099339' }],
  ['event_type', { eventType: 'user.deleted' }],
  ['user_id', { userId: '' }],
  ['ip_address', { ipAddress: null }],
  ['metadata', { metadata: '{"role": "admin"}' }],
  ['pii_masked', { piiMasked: false }],
])('a changed %s is a wrong content', (_column, change: Partial<StoredRow>) => {
  const hash = hashRow(key, GENESIS, 1, row);
  expect(judgeRow(key, GENESIS, 1, { ...row, hash })).toBe('right');
  expect(judgeRow(key, GENESIS, 1, { ...row, ...change, hash })).toBe('content is wrong');
});

test('another sequence, another key, another predecessor and no hash are told', () => {
  const hash = hashRow(key, GENESIS, 1, row);
  expect(judgeRow(key, GENESIS, 2, { ...row, hash })).toBe('content is wrong');
  expect(judgeRow(deriveChainKey('another key of thirty-two letters'), GENESIS, 1, { ...row, hash })).toBe(
    'content is wrong',
  );
  expect(judgeRow(key, hash, 1, { ...row, hash })).toBe('link is wrong');
  expect(judgeRow(key, undefined, 1, { ...row, hash })).toBe('right');
  for (const none of [null, '', 'v1', 'v1..', `${hash}x`, hash.replace('v1', 'v2')]) {
    expect(judgeRow(key, GENESIS, 1, { ...row, hash: none })).toBe('content is wrong');
  }
});
