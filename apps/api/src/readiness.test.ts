import { pino } from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type Check, startReadiness } from './readiness.ts';

const logger = pino({ level: 'silent' });

/** A check whose answers the test gives one by one. */
function steeredCheck(name: string, required: boolean) {
  const waiting: ((answer: boolean) => void)[] = [];
  const check: Check = { name, required, probe: () => new Promise((resolve) => waiting.push(resolve)) };
  const answer = async (value: boolean) => {
    await vi.waitFor(() => expect(waiting).not.toHaveLength(0));
    waiting.shift()?.(value);
    // The next probe begins only after this answer has been counted.
    await vi.waitFor(() => expect(waiting).not.toHaveLength(0));
  };
  return { check, answer };
}

function start(checks: readonly Check[], probeTimeoutMs = 60_000, recoverWithinMs = 30_000) {
  const readiness = startReadiness({ checks, logger, intervalMs: 1, probeTimeoutMs, recoverWithinMs });
  // Ends also while a probe hangs: its time limit is the test's to wait for.
  onTestFinished(() => {
    void readiness.close();
  });
  return readiness;
}

test('not ready before the first good probe; ready after one', async () => {
  const database = steeredCheck('database', true);
  const readiness = start([database.check]);
  expect(readiness.snapshot().ready).toBe(false);
  expect(readiness.hasStarted()).toBe(false);
  await database.answer(true);
  expect(readiness.snapshot().ready).toBe(true);
  expect(readiness.hasStarted()).toBe(true);
});

test('one lost probe changes nothing, the second does, and one good probe mends it', async () => {
  const database = steeredCheck('database', true);
  const readiness = start([database.check]);
  await database.answer(true);
  await database.answer(false);
  expect(readiness.snapshot().ready).toBe(true);
  await database.answer(false);
  expect(readiness.snapshot()).toEqual({
    ready: false,
    services: [
      { name: 'app', ready: true },
      { name: 'database', ready: false },
    ],
  });
  expect(readiness.hasStarted()).toBe(true);
  await database.answer(true);
  expect(readiness.snapshot().ready).toBe(true);
});

test('a lost probe between good ones never adds up', async () => {
  const database = steeredCheck('database', true);
  const readiness = start([database.check]);
  await database.answer(true);
  for (let round = 0; round < 3; round += 1) {
    await database.answer(false);
    expect(readiness.snapshot().ready).toBe(true);
    await database.answer(true);
  }
});

test('a dependency that answers late is ready until it is lost, and then does not flap: only an answer in time brings it back', async () => {
  const database = steeredCheck('database', true);
  // Every answer is late.
  const readiness = start([database.check], 60_000, 0);
  await database.answer(true);
  expect(readiness.snapshot().ready).toBe(true);
  for (const answer of [true, false, true, false, true]) {
    await database.answer(answer);
    expect(readiness.snapshot().ready).toBe(true);
  }
  for (const answer of [false, false, true, true, false, true]) await database.answer(answer);
  expect(readiness.snapshot().ready).toBe(false);
});

test('what is not required is told, and decides nothing', async () => {
  const database = steeredCheck('database', true);
  const cache = steeredCheck('cache', false);
  const readiness = start([database.check, cache.check]);
  await database.answer(true);
  await cache.answer(false);
  await cache.answer(false);
  expect(readiness.snapshot()).toMatchObject({ ready: true });
  expect(readiness.snapshot().services).toContainEqual({ name: 'cache', ready: false });
});

test('a probe that hangs counts as lost', async () => {
  const answers = [Promise.resolve(true)];
  const check: Check = {
    name: 'database',
    required: true,
    probe: () => answers.shift() ?? new Promise(() => undefined),
  };
  const readiness = start([check], 5);
  await vi.waitFor(() => expect(readiness.snapshot().ready).toBe(true), { interval: 1 });
  await vi.waitFor(() => expect(readiness.snapshot().ready).toBe(false));
});

test('after a lost probe the next does not wait for its turn', async () => {
  const answers = [false, true];
  const check: Check = { name: 'database', required: true, probe: async () => answers.shift() ?? true };
  const readiness = startReadiness({ checks: [check], logger, intervalMs: 3_600_000 });
  onTestFinished(() => readiness.close());
  await vi.waitFor(() => expect(readiness.snapshot().ready).toBe(true), { timeout: 10_000 });
});

test('a probe that throws counts as lost', async () => {
  const check: Check = { name: 'database', required: true, probe: () => Promise.reject(new Error('away')) };
  const readiness = start([check]);
  await vi.waitFor(() => expect(readiness.snapshot().ready).toBe(false));
});

test('draining is not ready at once, whatever the checks say', async () => {
  const database = steeredCheck('database', true);
  const readiness = start([database.check]);
  await database.answer(true);
  readiness.startDraining();
  expect(readiness.snapshot()).toMatchObject({
    ready: false,
    services: [{ name: 'app', ready: false }, { ready: true }],
  });
});
