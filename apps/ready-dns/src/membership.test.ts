import { describe, expect, test } from 'vitest';
import { FALL, Membership } from './membership.ts';

const A = '10.0.0.1';
const B = '10.0.0.2';

function withReady(...addresses: string[]): Membership {
  const membership = new Membership();
  membership.replace(addresses);
  for (const address of addresses) membership.record(address, true);
  return membership;
}

describe('membership', () => {
  test('answers nothing before the first discovery', () => {
    const membership = new Membership();
    expect(membership.answer).toBeUndefined();
    expect(membership.complete).toBe(false);
  });

  test('answers nothing until every instance of the first discovery was probed', () => {
    const membership = new Membership();
    membership.replace([A, B]);
    membership.record(A, true);
    expect(membership.answer).toBeUndefined();
    membership.record(B, false);
    expect(membership.complete).toBe(true);
    expect(membership.answer).toEqual([A]);
  });

  test('a first discovery that finds no instance is complete, and answers nothing', () => {
    const membership = new Membership();
    membership.replace([]);
    expect(membership.complete).toBe(true);
    expect(membership.answer).toBeUndefined();
  });

  test('one passed probe makes ready', () => {
    const membership = withReady(A);
    membership.replace([A, B]);
    expect(membership.answer).toEqual([A]);
    membership.record(B, true);
    expect(membership.answer).toEqual([A, B]);
  });

  test(`only ${FALL} failed probes in a row take a ready instance out`, () => {
    const membership = withReady(A, B);
    membership.record(B, false);
    expect(membership.answer).toEqual([A, B]);
    expect(membership.hasSuspect).toBe(true);
    membership.record(B, true);
    membership.record(B, false);
    expect(membership.answer).toEqual([A, B]);
    membership.record(B, false);
    expect(membership.answer).toEqual([A]);
    expect(membership.hasSuspect).toBe(false);
  });

  test('with none ready all are answered', () => {
    const membership = withReady(A, B);
    for (const address of [A, B, A, B]) membership.record(address, false);
    expect(membership.ready).toEqual([]);
    expect(membership.answer).toEqual([A, B]);
  });

  test('an instance that vanished is dropped at once, and its late probe is ignored', () => {
    const membership = withReady(A, B);
    membership.replace([A]);
    membership.record(B, true);
    expect(membership.known).toEqual([A]);
    expect(membership.answer).toEqual([A]);
  });

  test('an address that comes back must pass a probe again', () => {
    const membership = withReady(A, B);
    membership.replace([A]);
    membership.replace([A, B]);
    expect(membership.answer).toEqual([A]);
  });

  test('when all are gone nothing is answered, and it stays complete', () => {
    const membership = withReady(A);
    membership.replace([]);
    expect(membership.answer).toBeUndefined();
    expect(membership.complete).toBe(true);
  });
});
