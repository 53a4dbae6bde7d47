import { createLogger } from '@sv-sdk/telemetry';
import { expect, it } from 'vitest';
import { startLoop } from './loop.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'silent' });

it('goes on at once while there is more, and rests when there is not', async () => {
  let turns = 0;
  const startedMs = performance.now();
  const loop = startLoop({
    name: 'test',
    intervalMs: 100,
    turn: async () => (++turns % 5 === 0 ? 'rest' : 'again'),
    logger,
  });
  await expect.poll(() => turns).toBeGreaterThanOrEqual(15);
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(190);
  await loop.stop();
});

it('survives turns that fail, and waits longer after each', async () => {
  const at: number[] = [];
  const loop = startLoop({
    name: 'test',
    intervalMs: 20,
    turn: async () => {
      at.push(performance.now());
      if (at.length < 5) throw new Error('away');
      return 'rest';
    },
    logger,
  });
  await expect.poll(() => at.length).toBeGreaterThanOrEqual(6);
  await loop.stop();
  const pauses = at.slice(1, 6).map((time, index) => Math.round(time - (at[index] ?? 0)));
  for (const [index, least] of [38, 78, 158, 318].entries())
    expect(pauses[index]).toBeGreaterThanOrEqual(least);
  // The fifth turn worked: no more of the 640 ms that would have come next.
  expect(pauses[4]).toBeLessThan(500);
});

it('stops in the middle of a rest, and only after the turn that runs', async () => {
  let ended = 0;
  let finish = () => {};
  const held = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const busy = startLoop({
    name: 'busy',
    intervalMs: 60_000,
    turn: async () => {
      await held;
      ended += 1;
      return 'again';
    },
    logger,
  });
  const stopping = busy.stop();
  expect(ended).toBe(0);
  finish();
  await stopping;
  expect(ended).toBe(1);

  let turns = 0;
  const resting = startLoop({
    name: 'resting',
    intervalMs: 60_000,
    turn: async () => {
      turns += 1;
      return 'rest';
    },
    logger,
  });
  await expect.poll(() => turns).toBe(1);
  await resting.stop();
  expect(turns).toBe(1);
});
