// Lists, single users and permission checks at a fixed rate, whatever the platform does meanwhile.
//   make load SCENARIO=mixed RATE=200 DURATION=1m
import { check } from 'k6';
import { constantRate, secondsOf, trendStats } from './lib/open-model.js';
import { read, whatThereIs } from './lib/reads.js';
import { withinTarget } from './lib/target.js';

export const options = {
  scenarios: {
    reads: constantRate(Number(__ENV.RATE || 200), { seconds: secondsOf(__ENV.DURATION || '1m') }),
  },
  thresholds: {
    http_req_failed: ['rate==0'],
    checks: ['rate==1'],
    // A dropped iteration is a request that was due and never sent: the figures then flatter.
    dropped_iterations: ['count==0'],
    'http_req_duration{name:list users}': withinTarget,
    'http_req_duration{name:get user}': withinTarget,
    'http_req_duration{name:check permission}': withinTarget,
  },
  summaryTrendStats: trendStats,
};

export const setup = whatThereIs;

export default function (found) {
  check(read(found), { 'status is 200': (r) => r.status === 200 });
}
