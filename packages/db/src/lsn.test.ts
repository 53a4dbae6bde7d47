import { expect, test } from 'vitest';
import { parseLsn } from './lsn.ts';

test('positions are compared as numbers, not as texts', () => {
  expect(parseLsn('0/9000000') < parseLsn('0/10000000')).toBe(true);
  expect(parseLsn('9/0') < parseLsn('A/0')).toBe(true);
  expect(parseLsn('FF/FFFFFFFF') < parseLsn('100/0')).toBe(true);
  expect(parseLsn('16/B374D848')).toBe(0x16_b374_d848n);
  expect(parseLsn('FFFFFFFF/FFFFFFFF')).toBe(2n ** 64n - 1n);
});

test.each(['', '0', '0/', '/0', '0/123456789', '0x1/2', ' 0/1'])('"%s" is refused', (text) => {
  expect(() => parseLsn(text)).toThrow('is not a WAL position');
});
