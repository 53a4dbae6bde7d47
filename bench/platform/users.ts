/** The guide's load: 100 users, each of whom lists the users, waits a second, and does so again. */
import { Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { print, tellFigure } from '../figures.ts';
import { askOnce } from '../load/open.ts';
import { createRecorder, type Run } from '../load/run.ts';
import { faultlessRun, tellDistribution } from './contest.ts';
import type { Platform } from './platform.ts';

const USERS = 100;
const MEASURE = '100 users through nginx, p95';

export async function measureUsers(
  platform: Platform,
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<void> {
  const contender = { name: 'platform', run: (length: number) => letUsersAsk(platform, length) };
  await contender.run(2);
  for (let round = 0; round < rounds; round += 1) {
    const { latency } = await faultlessRun(MEASURE, contender, seconds);
    tellFigure(MEASURE, 'platform', 'ms', latency.p95Ms);
    tellDistribution('100 users through nginx', latency);
    print(`100 users: p50 ${latency.p50Ms.toFixed(2)}, p95 ${latency.p95Ms.toFixed(2)} ms`);
  }
}

/** They come one after another within the first second: people don't press a key together. */
async function letUsersAsk(platform: Platform, seconds: number): Promise<Run> {
  const ask = platform.list('nginx');
  const agent = new Agent({ keepAlive: true });
  const recorder = createRecorder();
  const startedAtMs = performance.now();
  let fault: string | undefined;
  let served = 0;
  const user = async (_: unknown, index: number) => {
    await delay((index * 1000) / USERS);
    while (performance.now() - startedAtMs < seconds * 1000 && fault === undefined) {
      const askedAtMs = performance.now();
      try {
        await askOnce(ask, agent);
      } catch (error) {
        fault = String(error);
        return;
      }
      recorder.record(performance.now() - askedAtMs);
      served += 1;
      await delay(1000);
    }
  };
  try {
    await Promise.all(Array.from({ length: USERS }, user));
  } finally {
    agent.destroy();
  }
  return {
    perSecond: served / ((performance.now() - startedAtMs) / 1000),
    latency: recorder.latency(),
    fault,
  };
}
