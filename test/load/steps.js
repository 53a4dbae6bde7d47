// The mixed reads at a rate that rises step by step, to where the platform can't keep up: its knee.
//   make load SCENARIO=steps RATE=200 STEPS=8 DURATION=20s    200, 400, … 1,600 requests a second, 20 s each
//
// The first step must hold like any other load. Beyond the knee requests may be turned away, if honestly; the run then
// goes on, as where it bends is what was asked for.
import { check } from 'k6';
import exec from 'k6/execution';
import { isHonest503, secondsOf, trendStats } from './lib/open-model.js';
import { read, whatThereIs } from './lib/reads.js';
import { TARGET_P95_MS, withinTarget } from './lib/target.js';

const firstRate = Number(__ENV.RATE || 200);
const stepSeconds = secondsOf(__ENV.DURATION || '20s');
const rates = Array.from({ length: Number(__ENV.STEPS || 8) }, (_, index) => firstRate * (index + 1));
/** How much of what was due must have been sent. */
const SERVED_SHARE = 0.99;

export const options = {
  scenarios: {
    steps: {
      executor: 'ramping-arrival-rate',
      startRate: firstRate,
      timeUnit: '1s',
      // To the next rate at once, then on at it.
      stages: rates.flatMap((rate) => [
        { target: rate, duration: '0s' },
        { target: rate, duration: `${stepSeconds}s` },
      ]),
      preAllocatedVUs: Math.max(10, Math.ceil(rates.at(-1) / 2)),
    },
  },
  thresholds: {
    checks: ['rate==1'],
    ...Object.fromEntries(
      rates.flatMap((rate, index) => {
        const isFirst = index === 0;
        // k6 keeps the figures of a tag only if there is a threshold on it: those of later steps can't be missed.
        return [
          [`http_req_failed{step:${rate}}`, [isFirst ? 'rate==0' : 'rate>=0']],
          [`http_req_duration{step:${rate}}`, isFirst ? withinTarget : ['p(95)>=0']],
          [
            `http_reqs{step:${rate}}`,
            [isFirst ? `count>=${Math.floor(rate * stepSeconds * SERVED_SHARE)}` : 'count>=0'],
          ],
        ];
      }),
    ),
  },
  summaryTrendStats: trendStats,
};

export const setup = whatThereIs;

export default function (found) {
  const step = Math.floor((Date.now() - exec.scenario.startTime) / 1000 / stepSeconds);
  const res = read(found, { step: String(rates[Math.min(step, rates.length - 1)]) });
  check(res, { 'answered, or turned away honestly': (r) => r.status === 200 || isHonest503(r) });
}

export function handleSummary({ metrics }) {
  const steps = rates.map((rate) => {
    const latencyMs = metrics[`http_req_duration{step:${rate}}`].values;
    const served = metrics[`http_reqs{step:${rate}}`].values.count / stepSeconds;
    const failedShare = metrics[`http_req_failed{step:${rate}}`].values.rate;
    const holds =
      failedShare === 0 &&
      latencyMs['p(95)'] < TARGET_P95_MS &&
      served >= Math.floor(rate * stepSeconds * SERVED_SHARE) / stepSeconds;
    return { rate, served, failedShare, latencyMs, holds };
  });
  const firstMissed = steps.findIndex(({ holds }) => !holds);
  const knee = firstMissed === -1 ? steps.at(-1) : steps[firstMissed - 1];
  const figures = steps.map(({ rate, served, failedShare, latencyMs, holds }) =>
    [
      rate,
      served.toFixed(0),
      `${(failedShare * 100).toFixed(1)} %`,
      ...['med', 'p(95)', 'p(99)', 'max'].map((stat) => latencyMs[stat].toFixed(1)),
      holds ? '' : 'bends',
    ]
      .map((cell) => String(cell).padStart(10))
      .join(''),
  );
  const broken = Object.entries(metrics).flatMap(([name, { thresholds = {} }]) =>
    Object.entries(thresholds).flatMap(([rule, { ok }]) => (ok ? [] : [`missed: ${name} ${rule}`])),
  );
  const heads = ['due/s', 'sent/s', 'failed', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms', ''];
  return {
    stdout: [
      '',
      heads.map((head) => head.padStart(10)).join(''),
      ...figures,
      '',
      knee === undefined
        ? 'The knee lies below the first step.'
        : `The last step that holds: ${knee.rate} requests/s${firstMissed === -1 ? ', and no step bends' : ''}.`,
      ...broken,
      '',
    ].join('\n'),
  };
}
