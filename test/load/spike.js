// The mixed reads at a rate, five times as much at once, and the rate again: turned away at the most, and soon over.
//   make load SCENARIO=spike RATE=100 DURATION=20s    20 s before, 20 s of 500 a second, 20 s after
import { check } from 'k6';
import { constantRate, isHonest503, secondsOf, trendStats } from './lib/open-model.js';
import { read, whatThereIs } from './lib/reads.js';
import { withinTarget } from './lib/target.js';

const ratePerSecond = Number(__ENV.RATE || 100);
const seconds = secondsOf(__ENV.DURATION || '20s');
const PEAK = 5;
/** What the spike has left waiting may take so long to be worked off; then everything must be as it was. */
const RECOVERY_SECONDS = 5;

export const options = {
  scenarios: {
    before: constantRate(ratePerSecond, { seconds }),
    spike: constantRate(ratePerSecond * PEAK, { startSeconds: seconds, seconds, exec: 'spike' }),
    after: constantRate(ratePerSecond, { startSeconds: 2 * seconds + RECOVERY_SECONDS, seconds }),
  },
  thresholds: {
    checks: ['rate==1'],
    'http_req_failed{scenario:before}': ['rate==0'],
    'http_req_duration{scenario:before}': withinTarget,
    'http_req_failed{scenario:after}': ['rate==0'],
    'http_req_duration{scenario:after}': withinTarget,
    // Of the spike only what becomes of it is told.
    'http_req_duration{scenario:spike}': ['p(95)>=0'],
    'http_req_failed{scenario:spike}': ['rate>=0'],
  },
  summaryTrendStats: trendStats,
};

export const setup = whatThereIs;

export default function (found) {
  check(read(found), { 'status is 200': (r) => r.status === 200 });
}

export function spike(found) {
  check(read(found), { 'answered, or turned away honestly': (r) => r.status === 200 || isHonest503(r) });
}
