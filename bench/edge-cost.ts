/**
 * What nginx, balancing by what ready-dns tells it, adds to a request: the same request to an app directly and through
 * nginx, in turn, over one kept connection each, on a stack of its own (the end-to-end tests').
 *
 *   node bench/edge-cost.ts --rounds 5 --requests 3000
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { runInApp } from '../test/e2e/containers.ts';
import { containersOf } from '../test/e2e/stack.ts';
import { print, tellFigure } from './figures.ts';
import { addressOf, startOwnStack } from './own-stack.ts';

const { values: flags } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, requests: { type: 'string', default: '3000' } },
});

/** Of issue 6: at p50. */
const GOAL_MS = 0.15;

await using stack = new AsyncDisposableStack();
await startOwnStack(stack);
// Not the one that the client runs in: that would be a shorter way.
const [, other = ''] = await containersOf('app');
const path = '/health/live';
const targets = { app: `http://${await addressOf(other)}:3000${path}`, nginx: `http://nginx:8080${path}` };
print(
  `${cpus().length} cores (${cpus()[0]?.model}), ${(await containersOf('app')).length} apps, GET ${path}, ${flags.requests} requests each`,
);
const added: number[] = [];
for (let round = 1; round <= Number(flags.rounds); round += 1) {
  const { app, nginx } = await runInApp<{ app: number; nginx: number }>('../../bench/edge-cost-client.ts', {
    targets,
    requests: Number(flags.requests),
  });
  added.push(nginx - app);
  tellFigure('added by nginx and ready-dns, p50', 'platform', 'ms', nginx - app);
  print(
    `  round ${round}: p50 ${app.toFixed(3)} ms directly, ${nginx.toFixed(3)} ms through nginx: ${(nginx - app).toFixed(3)} ms added`,
  );
}
added.sort((one, another) => one - another);
const middle = added[Math.floor(added.length / 2)] ?? Number.NaN;
print(
  `added at p50: ${added[0]?.toFixed(3)} to ${added.at(-1)?.toFixed(3)} ms, median ${middle.toFixed(3)} ms; goal ≤ ${GOAL_MS}: ${middle <= GOAL_MS ? 'reached' : 'NOT reached'}`,
);
