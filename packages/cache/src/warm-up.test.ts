import { pino } from 'pino';
import { expect, test } from 'vitest';
import { warmUp } from './warm-up.ts';

function recordingLogger() {
  const lines: Record<string, unknown>[] = [];
  return { lines, logger: pino({}, { write: (line) => lines.push(JSON.parse(line)) }) };
}

test('a loader that fails fails no start, and keeps no other from loading', async () => {
  const { lines, logger } = recordingLogger();
  await warmUp({ roles: () => Promise.reject(new Error('away')), templates: async () => 5 }, logger);
  expect(lines).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ level: 40, warming: 'roles' }),
      expect.objectContaining({ level: 30, templates: 5 }),
    ]),
  );
});

test('a loader that hangs holds a start up for the limit and no longer', async () => {
  const { lines, logger } = recordingLogger();
  await warmUp({ roles: () => new Promise(() => undefined) }, logger, 20);
  expect(lines).toEqual([expect.objectContaining({ level: 40, limitMs: 20 })]);
});
