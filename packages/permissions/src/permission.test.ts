import { SYSTEM_ROLES } from '@sv-sdk/db';
import { describe, expect, test } from 'vitest';
import { allows, allowsEvery, isPermission, narrow } from './permission.ts';

describe('allows', () => {
  test.each([
    { held: 'read:any:user', required: 'read:any:user', expected: true },
    { held: 'read:any:user', required: 'read:own:user', expected: true },
    { held: 'read:own:user', required: 'read:own:user', expected: true },
    { held: 'read:own:user', required: 'read:any:user', expected: false },
    { held: 'read:any:user', required: 'update:any:user', expected: false },
    { held: 'read:any:user', required: 'read:any:role', expected: false },
    { held: '*:any:user', required: 'delete:any:user', expected: true },
    { held: '*:own:user', required: 'delete:any:user', expected: false },
    { held: 'read:*:user', required: 'read:any:user', expected: true },
    { held: 'read:any:*', required: 'read:any:audit', expected: true },
    { held: '*:*:*', required: 'anything:any:at_all', expected: true },
    // A wildcard that is asked for must be held: else a manager could hand out super_admin.
    { held: 'read:any:user', required: '*:any:user', expected: false },
    { held: 'read:any:user', required: 'read:any:*', expected: false },
    { held: '*:any:user', required: '*:*:*', expected: false },
    { held: 'read:any:user', required: 'read:*:user', expected: true },
    { held: '*:*:*', required: '*:*:*', expected: true },
  ])('$held gives $required: $expected', ({ held, required, expected }) => {
    expect(allows([held], required)).toBe(expected);
  });

  test('nothing held gives nothing', () => {
    expect(allows([], 'read:own:user')).toBe(false);
  });

  const malformed = [
    '',
    '*',
    '*:*',
    '*:*:*:*',
    'read:any',
    'read:all:user',
    'READ:any:user',
    ' read:any:user',
    'read:any:user\n',
    're*d:any:user',
    '::',
    'read:any:',
  ];
  test.each(malformed)('%j is refused when asked for, even of a holder of everything', (text) => {
    expect(isPermission(text)).toBe(false);
    expect(allows(['*:*:*'], text)).toBe(false);
  });
  test.each(malformed)('%j gives nothing when held', (text) => {
    expect(allows([text], 'read:any:user')).toBe(false);
    expect(allows([text], text)).toBe(false);
  });
});

const ACTIONS = ['*', 'read', 'update'];
const SCOPES = ['*', 'any', 'own'];
const RESOURCES = ['*', 'user', 'role'];
const ALL = ACTIONS.flatMap((a) => SCOPES.flatMap((s) => RESOURCES.map((r) => `${a}:${s}:${r}`)));

describe('over every pair of permissions', () => {
  test('including is a partial order: reflexive and transitive', () => {
    for (const a of ALL) expect(allows([a], a)).toBe(true);
    for (const a of ALL)
      for (const b of ALL)
        for (const c of ALL)
          if (allows([a], b) && allows([b], c)) expect(allows([a], c), `${a} ${b} ${c}`).toBe(true);
  });

  test('a narrowed permission allows exactly what both allow', () => {
    const concrete = ALL.filter((permission) => !permission.includes('*'));
    for (const held of ALL)
      for (const scope of ALL)
        for (const required of concrete)
          expect(allows(narrow([held], [scope]), required), `${held} narrowed to ${scope}: ${required}`).toBe(
            allows([held], required) && allows([scope], required),
          );
  });
});

test('no scopes leave nothing', () => {
  expect(narrow(['*:*:*'], [])).toEqual([]);
});

test('every permission of the seeded roles is well-formed', () => {
  for (const role of SYSTEM_ROLES) expect(role.permissions.every(isPermission), role.name).toBe(true);
});

test('the seeded roles stand above each other: each may grant the next, none the one above', () => {
  const permissions = SYSTEM_ROLES.map((role) => role.permissions);
  for (const [index, held] of permissions.entries()) {
    for (const below of permissions.slice(index + 1)) expect(allowsEvery(held, below)).toBe(true);
    for (const above of permissions.slice(0, index)) expect(allowsEvery(held, above)).toBe(false);
  }
});
