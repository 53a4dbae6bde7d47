// The mixed reads at a fixed rate while `make load` scales the app up by two and back again: no request may fail.
//   make load SCENARIO=scale-under-load RATE=100 DURATION=3m
import { check } from 'k6';
import { constantRate, secondsOf, trendStats } from './lib/open-model.js';
import { read, whatThereIs } from './lib/reads.js';

export const options = {
  scenarios: {
    reads: constantRate(Number(__ENV.RATE || 100), {
      seconds: secondsOf(__ENV.DURATION || '3m'),
      // Containers that start take the cores from everybody else, the load generator included.
      stallSeconds: 2,
    }),
  },
  thresholds: {
    http_req_failed: ['rate==0'],
    checks: ['rate==1'],
    dropped_iterations: ['count==0'],
    // Not the 100 ms of a platform at rest, for the same reason; half of what the guide's alert takes for slow.
    http_req_duration: ['p(95)<500'],
  },
  summaryTrendStats: trendStats,
};

export const setup = whatThereIs;

export default function (found) {
  check(read(found), { 'status is 200': (r) => r.status === 200 });
}
