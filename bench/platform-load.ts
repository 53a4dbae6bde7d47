/**
 * The API of a whole stack against the baselines, on the same machine in turn: throughput on one instance and through
 * nginx, 100 users as in the guide, the knee of an open load, more instances, and memory over time.
 *
 *   node bench/platform-load.ts                        # all
 *   node bench/platform-load.ts --parts list,hello --rounds 3 --seconds 5
 *   node bench/platform-load.ts --parts memory --minutes 30
 *   infra/host/test.sh node bench/platform-load.ts     # where the host has no Node
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { eventually } from '../test/e2e/client.ts';
import { containersOf, project, shellOrThrow } from '../test/e2e/stack.ts';
import { createPgbench, redisBenchmark } from './baselines/native.ts';
import { print, tell, tellFigure } from './figures.ts';
import { runClosed } from './load/closed.ts';
import { runOpen } from './load/open.ts';
import type { Ask } from './load/run.ts';
import { startOwnStack } from './own-stack.ts';
import { contest, faultlessRun } from './platform/contest.ts';
import { measureKnee } from './platform/knee.ts';
import { type Platform, startPlatform } from './platform/platform.ts';
import { measureUsers } from './platform/users.ts';

const { values: flags } = parseArgs({
  options: {
    parts: { type: 'string', default: 'list,hello,users,knee,instances,native,memory' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '10' },
    knees: { type: 'string', default: '3' },
    /** Of the load whose memory is watched. */
    minutes: { type: 'string', default: '30' },
    instances: { type: 'string', default: '1,2,3,4' },
    users: { type: 'string', default: '10000' },
  },
});
const rounds = Number(flags.rounds);
const seconds = Number(flags.seconds);
const CONNECTIONS = 32;
const MEMORY_LOAD_PER_SECOND = 100;
const MEMORY_INTERVAL_MS = 5_000;

await using stack = new AsyncDisposableStack();
await startOwnStack(stack);
await shellOrThrow(`make sdk ARGS="db seed --users ${flags.users}"`);
const platform = await startPlatform();

const parts: Record<string, () => Promise<unknown>> = {
  list: () =>
    contest(
      'list users, one instance',
      [
        closed('platform', platform.list('one instance')),
        closed('platform, page 2', platform.secondPage()),
        closed('express-pg', platform.list('express-pg')),
        closed('fastify-pg', platform.list('fastify-pg')),
        closed('node-http-pg', platform.list('node-http-pg')),
      ],
      { rounds, seconds, drawn: ['platform', 'express-pg', 'fastify-pg', 'node-http-pg'] },
    ),
  /** The unflattering one: without a database to wait for, all that is left is what the platform puts around a request. */
  hello: () =>
    contest(
      'nothing but the way through',
      [
        closed('platform', platform.hello('one instance')),
        closed('node-http', platform.hello('node-http')),
        closed('platform, nginx', platform.hello('nginx')),
        closed('node-http, nginx', platform.hello('baseline nginx')),
      ],
      { rounds, seconds },
    ),
  users: () => measureUsers(platform, { rounds, seconds }),
  knee: () =>
    measureKnee(platform, {
      firstRate: 100,
      stepSeconds: Math.min(seconds, 5),
      knees: Number(flags.knees),
      rounds,
      seconds,
    }),
  instances: () => measureInstances(platform),
  native: () => measureNative(),
  memory: () => measureMemory(platform),
};

for (const name of flags.parts.split(',')) {
  const part = parts[name];
  if (part === undefined)
    throw new Error(`--parts ${name}: one of ${Object.keys(parts).join(', ')} is expected`);
  await part();
}

function closed(name: string, ask: Ask) {
  return { name, run: (length: number) => runClosed(ask, { connections: CONNECTIONS, seconds: length }) };
}

/** Round after round from few to many, so that what the machine does meanwhile falls on all numbers alike. */
async function measureInstances(on: Platform): Promise<void> {
  const MEASURE = 'list users through nginx, by instances';
  const before = (await containersOf('app')).length;
  try {
    for (let round = 0; round < Math.min(rounds, 3); round += 1) {
      for (const instances of flags.instances.split(',').map(Number)) {
        await scaleTo(instances);
        const contender = closed(`${instances}`, on.list('nginx'));
        await contender.run(Math.ceil(seconds / 3));
        const { perSecond } = await faultlessRun(MEASURE, contender, seconds);
        tellFigure(MEASURE, contender.name, 'per second', perSecond);
        tell({
          kind: 'point',
          plot: 'scaling',
          line: 'list users through nginx',
          x: instances,
          y: perSecond,
        });
        print(`${instances} instances: ${perSecond.toFixed(0)}/s`);
      }
    }
  } finally {
    await scaleTo(before);
  }
}

async function scaleTo(instances: number): Promise<void> {
  await shellOrThrow(`docker compose up -d --scale app=${instances}`);
  const healthy = `docker ps --quiet --filter label=com.docker.compose.project=${project} --filter label=com.docker.compose.service=app --filter health=healthy`;
  const count = async () => (await shellOrThrow(healthy)).stdout.split('\n').filter(Boolean).length;
  await eventually(count, (found) => found === instances, {
    seconds: 120,
    what: `${instances} healthy apps`,
  });
}

async function measureNative(): Promise<void> {
  const pgbench = await createPgbench();
  try {
    for (let round = 0; round < rounds; round += 1) {
      tellFigure('what the servers can do', 'pgbench -S', 'per second', await pgbench.run(seconds));
      const { perSecond, p95Ms } = await redisBenchmark(seconds);
      tellFigure('what the servers can do', 'redis-benchmark GET', 'per second', perSecond);
      tellFigure('what the servers can do, p95', 'redis-benchmark GET', 'ms', p95Ms);
    }
  } finally {
    await pgbench.remove();
  }
}

/** The mean of all instances, as one may have more of the load. */
async function measureMemory(on: Platform): Promise<void> {
  const totalSeconds = Number(flags.minutes) * 60;
  const samples: number[] = [];
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      const instances = (await containersOf('app')).length;
      samples.push((await on.metric('process_resident_memory_bytes')) / instances / 1e6);
      await delay(MEMORY_INTERVAL_MS);
    }
  })();
  const run = (length: number) =>
    runOpen(on.mixed, { ratePerSecond: MEMORY_LOAD_PER_SECOND, seconds: length });
  try {
    await faultlessRun('memory of an app instance', { name: 'platform', run }, totalSeconds);
  } finally {
    isOver = true;
    await watching;
  }
  const third = Math.ceil(samples.length / 3);
  // Each sample is a round: the report's median and range are those of the third.
  for (const mb of samples.slice(0, third)) {
    tellFigure('memory of an app instance', 'first third of the load', 'MB', mb);
  }
  for (const mb of samples.slice(-third)) {
    tellFigure('memory of an app instance', 'last third of the load', 'MB', mb);
  }
}
