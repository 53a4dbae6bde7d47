// The mixed reads for half an hour, at a rate that a small machine bears: what leaks or fills up shows by the end.
//   make load SCENARIO=soak RATE=50 DURATION=30m
import { check } from 'k6';
import exec from 'k6/execution';
import { constantRate, secondsOf, trendStats } from './lib/open-model.js';
import { read, whatThereIs } from './lib/reads.js';
import { withinTarget } from './lib/target.js';

export const options = {
  scenarios: {
    reads: constantRate(Number(__ENV.RATE || 50), { seconds: secondsOf(__ENV.DURATION || '30m') }),
  },
  thresholds: {
    http_req_failed: ['rate==0'],
    checks: ['rate==1'],
    dropped_iterations: ['count==0'],
    'http_req_duration{quarter:1}': withinTarget,
    'http_req_duration{quarter:4}': withinTarget,
  },
  summaryTrendStats: trendStats,
};

export const setup = whatThereIs;

export default function (found) {
  const quarter = String(1 + Math.min(3, Math.floor(exec.scenario.progress * 4)));
  check(read(found, { quarter }), { 'status is 200': (r) => r.status === 200 });
}
