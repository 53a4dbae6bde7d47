import { DrizzleQueryError } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { createBatch } from './batch.ts';

const failing = (code: string) =>
  new DrizzleQueryError('select', [], Object.assign(new Error('why'), { code }));

describe('a batch', () => {
  it('runs together those that ask together, and gives each its own answer', async () => {
    const runs: number[] = [];
    const double = createBatch<number, number>({
      run: async (items) => items.map((item) => item * 2),
      onRun: (items) => runs.push(items),
    });
    expect(await Promise.all([1, 2, 3].map(double))).toEqual([2, 4, 6]);
    expect(runs).toEqual([3]);
  });

  it('takes a second time what is asked for twice', async () => {
    const seen: number[] = [];
    const take = createBatch<number, number>({
      run: async (items) => {
        seen.push(...items);
        return [...items];
      },
    });
    await Promise.all([take(7), take(7)]);
    await take(7);
    expect(seen).toEqual([7, 7, 7]);
  });

  it('is one at a time: who asks while one is on its way goes with the next', async () => {
    const runs: (readonly number[])[] = [];
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const ask = createBatch<number, number>({
      run: async (items) => {
        runs.push(items);
        await gates[runs.length - 1]?.promise;
        return [...items];
      },
    });
    const first = ask(1);
    await expect.poll(() => runs.length).toBe(1);
    const others = [ask(2), ask(3)];
    gates[0]?.resolve();
    await first;
    await expect.poll(() => runs).toEqual([[1], [2, 3]]);
    gates[1]?.resolve();
    expect(await Promise.all(others)).toEqual([2, 3]);
  });

  it('does not grow without end', async () => {
    const runs: number[] = [];
    const ask = createBatch<number, number>({
      run: async (items) => [...items],
      onRun: (items) => runs.push(items),
    });
    await Promise.all(Array.from({ length: 60 }, (_, n) => ask(n)));
    expect(runs).toEqual([25, 25, 10]);
  });

  it('lets one item fail alone when the fault is its own', async () => {
    const ask = createBatch<string, string>({
      run: async (items) => {
        if (items.includes('bad')) throw failing('22021');
        return items.map((item) => `${item}!`);
      },
    });
    const answers = await Promise.allSettled(['a', 'bad', 'b'].map(ask));
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(answers[2]).toMatchObject({ value: 'b!' });
  });

  it('fails as a whole, and is not tried item by item, when the server is away; the next one runs', async () => {
    let runs = 0;
    const ask = createBatch<number, number>({
      run: async (items) => {
        runs += 1;
        if (runs === 1) throw failing('57P01');
        return [...items];
      },
    });
    const answers = await Promise.allSettled([1, 2, 3].map(ask));
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(runs).toBe(1);
    expect(await ask(4)).toBe(4);
  });
});
