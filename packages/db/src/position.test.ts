import { expect, test } from 'vitest';
import { isReached, parsePosition } from './position.ts';

const isTextReached = (position: string, reached: string) =>
  isReached(parsePosition(position), parsePosition(reached));

test('positions are compared as numbers, not as texts', () => {
  expect(isTextReached('00000001/0/10000000', '00000001/0/9000000')).toBe(false);
  expect(isTextReached('00000001/A/0', '00000001/9/0')).toBe(false);
  expect(isTextReached('00000001/100/0', '00000001/FF/FFFFFFFF')).toBe(false);
  expect(isTextReached('00000001/FF/FFFFFFFF', '00000001/100/0')).toBe(true);
  expect(isTextReached('00000001/1/1', '00000001/1/1')).toBe(true);
  expect(parsePosition('0000000a/16/B374D848')).toEqual({ timeline: 10, lsn: 0x16_b374_d848n });
  expect(parsePosition('00000001/FFFFFFFF/FFFFFFFF').lsn).toBe(2n ** 64n - 1n);
});

test('what was written after a failover is not reached by who is still on the timeline before it', () => {
  expect(isTextReached('00000002/0/98', '00000001/0/100')).toBe(false);
  expect(isTextReached('00000002/0/98', '00000002/0/97')).toBe(false);
  expect(isTextReached('00000001/0/100', '00000002/0/98')).toBe(true);
});

test.each(['', '0', '0/1', '0/0/', '/0/0', '1/0/123456789', '0x1/1/2', ' 0/1/1', '1/0/1/1'])(
  '"%s" is refused',
  (text) => {
    expect(() => parsePosition(text)).toThrow('is not a timeline and a WAL position');
  },
);
