import { expect, test } from 'vitest';
import { createRegistry, memoryLimitBytes } from './metrics.ts';

test('a registry tells the version and the limit of memory', async () => {
  const text = await createRegistry({ service: 'app', version: '1.2.3' }).metrics();
  expect(text).toContain('sv_build_info{service="app",version="1.2.3"} 1');
  expect(text).toMatch(/^sv_process_memory_limit_bytes \d+$/m);
});

test('no limit is 0, in either of the ways in which the kernel says so', () => {
  expect(memoryLimitBytes(320 * 1024 ** 2)).toBe(335_544_320);
  // No control group; version 1 without a limit; version 2 without one, as Node has it.
  expect([0, 2 ** 63 - 4096, 2 ** 64].map(memoryLimitBytes)).toEqual([0, 0, 0]);
});
