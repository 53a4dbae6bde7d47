/** An open load of mixed reads, to where it bends; and what half of that feels like. */
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { API_LATENCY_P95_SECONDS } from '../../infra/grafana/src/targets.ts';
import { containersOf, secret } from '../../test/e2e/stack.ts';
import { COUNT_STATEMENT, PAGE_STATEMENT } from '../baselines/user-list.ts';
import { print, tell, tellFigure } from '../figures.ts';
import { runOpen } from '../load/open.ts';
import { type Ask, createRecorder, type Run } from '../load/run.ts';
import { addressOf } from '../own-stack.ts';
import { kneeOf } from '../report/statistics.ts';
import { faultlessRun, inTurn, tellDistribution } from './contest.ts';
import type { Platform } from './platform.ts';

/** The guide's target for p95, and how much of what was due must have been answered in time. */
const BENT_P95_MS = API_LATENCY_P95_SECONDS.value * 1000;
const SERVED_SHARE = 0.98;
const STEP_FACTOR = 1.4;
const HALF = "half the knee's rate, p99";
const CACHE_HITS = 'cache hits in the mixed reads';
const PROBE_INTERVAL_MS = 10;
const PAGE_ROWS = 21;

export interface KneeOptions {
  readonly firstRate: number;
  readonly stepSeconds: number;
  /** How often the knee is looked for. */
  readonly knees: number;
  readonly rounds: number;
  readonly seconds: number;
}

export async function measureKnee(platform: Platform, options: KneeOptions): Promise<void> {
  const { rounds, seconds } = options;
  const knees: number[] = [];
  for (let search = 0; search < options.knees; search += 1) {
    const knee = await findKnee(platform, options);
    knees.push(knee);
    tellFigure('knee of the mixed reads', 'platform', 'per second', knee);
    print(`knee of the mixed reads: ${knee.toFixed(0)}/s`);
  }
  // The lowest, so that every round is below its own half.
  const ratePerSecond = Math.min(...knees) / 2;
  const probe = await createDatabaseProbe();
  const measured = async (name: string, next: () => Ask) => {
    const run = (length: number) => runOpen(next, { ratePerSecond, seconds: length });
    const round = await faultlessRun(HALF, { name, run }, seconds);
    const { latency, ownDelayP99Ms } = round;
    tellFigure(HALF, name, 'ms', latency.p99Ms);
    print(
      `${name} at ${ratePerSecond.toFixed(0)}/s: p95 ${latency.p95Ms.toFixed(2)}, p99 ${latency.p99Ms.toFixed(2)} ms; ` +
        `the load generator itself late by ${ownDelayP99Ms.toFixed(2)} ms`,
    );
    return round;
  };
  const platformRound = async () => {
    const hits = await cacheHits(platform);
    const [{ latency, ownDelayP99Ms }, databaseP95Ms] = await Promise.all([
      measured('platform', platform.mixed),
      probe.p95Ms(seconds),
    ]);
    const percent = await hits.percentSince();
    tellFigure(HALF, 'how late the load generator was', 'ms', ownDelayP99Ms);
    tellFigure("database query at half the knee's rate, p95", 'platform', 'ms', databaseP95Ms);
    tellFigure(CACHE_HITS, 'platform', '%', percent);
    tellDistribution("mixed reads at half the knee's rate", latency);
    print(`database p95 ${databaseP95Ms.toFixed(2)} ms, cache hits ${percent.toFixed(1)} %`);
  };
  // What the machine leaves of a p99, whoever is asked.
  const baselineRounds = (['express-pg', 'node-http-pg'] as const).map(
    (name) => () => measured(name, () => platform.list(name)),
  );
  try {
    for (let round = 0; round < rounds; round += 1) {
      for (const measureOne of inTurn([platformRound, ...baselineRounds], round)) await measureOne();
    }
  } finally {
    await probe.close();
  }
}

async function findKnee(platform: Platform, { firstRate, stepSeconds }: KneeOptions): Promise<number> {
  const steps: { ratePerSecond: number; holds: boolean }[] = [];
  // An app that has just started is slower at its first requests than ever after.
  await runOpen(platform.mixed, { ratePerSecond: firstRate, seconds: stepSeconds });
  for (let ratePerSecond = firstRate; ; ratePerSecond = Math.round(ratePerSecond * STEP_FACTOR)) {
    const run = await runOpen(platform.mixed, { ratePerSecond, seconds: stepSeconds });
    const holds = isHeld(run, ratePerSecond);
    steps.push({ ratePerSecond, holds });
    // Beyond the knee requests are turned away: their latency is that of nobody.
    if (run.fault === undefined) {
      tell({
        kind: 'point',
        plot: 'throughput',
        line: 'mixed reads',
        x: ratePerSecond,
        y: run.latency.p95Ms,
      });
    }
    if (!holds) break;
  }
  // What the last step has left waiting must not fall into what comes next.
  await delay(stepSeconds * 1000);
  const knee = kneeOf(steps);
  if (knee === undefined) throw new Error(`the platform does not bear ${firstRate} requests a second`);
  return knee.ratePerSecond;
}

const isHeld = ({ fault, latency, perSecond }: Run, ratePerSecond: number) =>
  fault === undefined && latency.p95Ms < BENT_P95_MS && perSecond >= ratePerSecond * SERVED_SHARE;

/** The list's two statements as an app asks them, through PgBouncer, beside whatever load there is. */
async function createDatabaseProbe() {
  const [pgbouncer = ''] = await containersOf('pgbouncer');
  const pool = new pg.Pool({
    host: await addressOf(pgbouncer, 'data'),
    port: 6432,
    user: 'sv_app',
    password: secret('db_app_password'),
    database: 'sv',
    max: 1,
  });
  return {
    close: () => pool.end(),
    async p95Ms(seconds: number): Promise<number> {
      const recorder = createRecorder();
      const deadline = performance.now() + seconds * 1000;
      for (let count = 0; performance.now() < deadline; count += 1) {
        const startedAtMs = performance.now();
        if (count % 2 === 0) await pool.query(PAGE_STATEMENT, [PAGE_ROWS]);
        else await pool.query(COUNT_STATEMENT);
        recorder.record(performance.now() - startedAtMs);
        await delay(PROBE_INTERVAL_MS);
      }
      return recorder.latency().p95Ms;
    },
  };
}

/** As the alert has them (infra/prometheus/rules/cache.yml). */
async function cacheHits(platform: Platform) {
  const count = async () => ({
    hits: await platform.metric('sv_cache_requests_total', 'result="hit"'),
    all: await platform.metric('sv_cache_requests_total'),
  });
  const before = await count();
  return {
    async percentSince(): Promise<number> {
      const after = await count();
      return ((after.hits - before.hits) / (after.all - before.all)) * 100;
    },
  };
}
