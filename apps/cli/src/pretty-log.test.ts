import { expect, test } from 'vitest';
import { createPrettyLog } from './pretty-log.ts';

const pretty = createPrettyLog({ hasColour: false });
const time = '2026-11-26T20:00:00.123Z';

test('a request of the app is one line: when, what, how it went, and then the rest', () => {
  const line = {
    level: 'info',
    time,
    service: 'app',
    version: '1.2.3',
    requestId: 'r-1',
    method: 'GET',
    route: '/api/v1/users/:id',
    status: 200,
    durationMs: 12.3,
    userId: 'u-1',
    msg: 'request',
  };
  expect(pretty(`app-1  | ${JSON.stringify(line)}`)).toBe(
    'app-1  | [2026-11-26 20:00:00.123] INFO: GET /api/v1/users/:id 200 12.3 ms {"requestId":"r-1","userId":"u-1"}',
  );
});

test('a request of nginx reads the same, and a failed one is an error', () => {
  const line = {
    time,
    service: 'nginx',
    requestId: 'r-1',
    method: 'POST',
    path: '/x',
    status: 503,
    durationSeconds: 0.25,
  };
  expect(pretty(`nginx-1  | ${JSON.stringify(line)}`)).toBe(
    'nginx-1  | [2026-11-26 20:00:00.123] ERROR: POST /x 503 250 ms {"requestId":"r-1"}',
  );
});

test('an error has its stack under it, behind its container', () => {
  const err = { type: 'TypeError', message: 'a bug', stack: 'TypeError: a bug\n    at f (x.ts:1:2)' };
  const lines = pretty(
    `worker-2  | ${JSON.stringify({ level: 'error', time, err, msg: 'request failed' })}`,
  ).split('\n');
  expect(lines[0]).toBe('worker-2  | [2026-11-26 20:00:00.123] ERROR: request failed');
  expect(lines.join('\n')).toContain('at f (x.ts:1:2)');
  expect(lines.filter((line) => !line.startsWith('worker-2  | '))).toEqual([]);
});

test.each([
  'postgres-1  | 2026-11-26 20:00:00.123 UTC [27] LOG:  checkpoint complete',
  'redis-1  | {not json',
  'prometheus-1  | time=2026-11-26T20:00:00.123Z level=WARN msg="x"',
  '',
])('what is no line of JSON stays as it is: %s', (line) => {
  expect(pretty(line)).toBe(line);
});

test('a caller’s text steers no terminal', () => {
  const line = JSON.stringify({
    time,
    method: 'GET',
    path: '/\u001b[2J\u009b',
    status: 404,
    userAgent: '\u0007',
  });
  expect(pretty(line)).not.toMatch(/\p{Cc}/u);
});

test('with colour the level stands out', () => {
  const line = JSON.stringify({ level: 'warn', time, msg: 'slow' });
  expect(createPrettyLog({ hasColour: true })(line)).toContain('\u001b[33mWARN\u001b[39m');
});
