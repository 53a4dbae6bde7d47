/** What the platform promises, each computed from the medians, and whether it is kept. */
import type { Unit } from '../figures.ts';
import { lossPercent, type Medians, ratio } from './statistics.ts';

export interface Goal {
  readonly name: string;
  readonly unit: Unit;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** Of the scaling guide's table: its row, and its own words for the target. */
  readonly guide?: { readonly row: string; readonly target: string };
  readonly measured: (medians: Medians) => number | undefined;
}

const LIST = 'list users, one instance';
const listOver = (baseline: string) => (medians: Medians) =>
  ratio(medians(LIST, 'platform', 'per second'), medians(LIST, baseline, 'per second'));

/** One after another on each kept connection, through nginx, by each of the protocols (tls-cost.ts). */
export const LIST_AT_KEEP_ALIVE = 'list users through nginx at keep-alive';
export const PLAIN = 'HTTP/1.1';
export const AS_THE_WORLD = 'HTTP/2 over TLS';

/** How the cost grows with the data: `large` over `small`, of each of these, and the worst of them counts. */
export const GROWTH_MEASURES = [
  'list users',
  'list users, page 2',
  'list users, of a role, page 2',
  'search, a few letters',
  'search, most of an address',
  'get a user',
  'recent audit',
  'recent audit, of a type',
  'recent audit, of a user',
] as const;

export const GOALS: readonly Goal[] = [
  {
    name: 'GET /api/v1/users over bare Express + pg',
    unit: '×',
    atLeast: 2,
    measured: listOver('express-pg'),
  },
  {
    name: 'GET /api/v1/users over node:http + pg',
    unit: '×',
    atLeast: 1,
    measured: listOver('node-http-pg'),
  },
  {
    name: 'API latency p95 through nginx, 100 users',
    unit: 'ms',
    atMost: 20,
    guide: { row: 'API Latency (p95)', target: '< 100ms' },
    measured: (medians) => medians('100 users through nginx, p95', 'platform', 'ms'),
  },
  {
    name: "API latency p99 at half the knee's rate",
    unit: 'ms',
    atMost: 25,
    measured: (medians) => medians("half the knee's rate, p99", 'platform', 'ms'),
  },
  {
    name: 'database query p95 under that load',
    unit: 'ms',
    atMost: 5,
    guide: { row: 'Database Query (p95)', target: '< 50ms' },
    measured: (medians) => medians("database query at half the knee's rate, p95", 'platform', 'ms'),
  },
  {
    name: 'permission check, cached in process, p95',
    unit: 'ms',
    atMost: 0.05,
    guide: { row: 'Permission Check (cached)', target: '< 5ms' },
    measured: (medians) => medians('permission check, p95', 'in process', 'ms'),
  },
  {
    name: 'permission check, cached in Redis, p95',
    unit: 'ms',
    atMost: 0.5,
    measured: (medians) => medians('permission check, p95', 'through Redis', 'ms'),
  },
  {
    name: 'emails sent, all guarantees on',
    unit: 'per second',
    atLeast: 1000,
    guide: { row: 'Email Queue Throughput', target: '> 100/sec' },
    measured: (medians) => medians('emails sent', 'platform', 'per second'),
  },
  {
    name: 'emails sent over the bare BullMQ and nodemailer loop',
    unit: '×',
    atLeast: 0.8,
    measured: (medians) =>
      ratio(
        medians('emails sent', 'platform', 'per second'),
        medians('emails sent', 'bare loop', 'per second'),
      ),
  },
  {
    name: 'cache hits in the mixed reads',
    unit: '%',
    atLeast: 95,
    guide: { row: 'Cache Hit Rate', target: '> 80%' },
    measured: (medians) => medians('cache hits in the mixed reads', 'platform', '%'),
  },
  {
    name: 'nginx and ready-dns add at p50',
    unit: 'ms',
    atMost: 0.15,
    measured: (medians) => medians('added by nginx and ready-dns, p50', 'platform', 'ms'),
  },
  {
    name: 'TLS 1.3 and HTTP/2 cost of the lists of users a second, at keep-alive',
    unit: '%',
    atMost: 10,
    measured: (medians) =>
      lossPercent(
        medians(LIST_AT_KEEP_ALIVE, AS_THE_WORLD, 'per second'),
        medians(LIST_AT_KEEP_ALIVE, PLAIN, 'per second'),
      ),
  },
  {
    name: 'cost of the large data set over the small one, at worst',
    unit: '×',
    atMost: 1.5,
    measured: (medians) => {
      const ratios = GROWTH_MEASURES.map((measure) =>
        ratio(medians(measure, 'large data', 'ms'), medians(measure, 'small data', 'ms')),
      );
      // One that is missing could be the worst.
      return ratios.every((one) => one !== undefined) ? Math.max(...ratios) : undefined;
    },
  },
  {
    name: 'memory of a worker with 1,000,000 queued over 10,000',
    unit: '×',
    atMost: 1.5,
    measured: (medians) =>
      ratio(
        medians('memory of an email worker', '1,000,000 queued', 'MB'),
        medians('memory of an email worker', '10,000 queued', 'MB'),
      ),
  },
  {
    name: 'memory of an app instance after 30 minutes of load',
    unit: 'MB',
    atMost: 150,
    measured: (medians) => medians('memory of an app instance', 'last third of the load', 'MB'),
  },
  {
    name: 'memory of an app instance, last third of the load over the first',
    unit: '×',
    atMost: 1.1,
    measured: (medians) =>
      ratio(
        medians('memory of an app instance', 'last third of the load', 'MB'),
        medians('memory of an app instance', 'first third of the load', 'MB'),
      ),
  },
];

export type Verdict = 'reached' | 'missed' | 'not measured';

export function verdictOf({ atLeast, atMost }: Goal, measured: number | undefined): Verdict {
  if (measured === undefined || Number.isNaN(measured)) return 'not measured';
  if (atLeast !== undefined && measured < atLeast) return 'missed';
  if (atMost !== undefined && measured > atMost) return 'missed';
  return 'reached';
}
