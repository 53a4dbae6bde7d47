// 100 users, each one request and then a second's rest, for 5 minutes: the guide's scenario at the guide's path.
//   make load    or, from the checkout:    k6 run test/load/api-test.js
//
// It is a closed model, and so the smoke run, not the measurement. A user asks again only after the last answer, so
// that 100 users never make more than 100 requests/s; and while the platform stalls nobody asks, so that a stall of
// a second is one slow answer a user instead of the hundred that would have come. mixed.js has the open model.
import { check, sleep } from 'k6';
import http from 'k6/http';
import { asCaller, baseUrl, firstAnswer } from './lib/caller.js';
import { withinTarget } from './lib/target.js';

export const options = {
  vus: Number(__ENV.VUS || 100),
  duration: __ENV.DURATION || '5m',
  thresholds: {
    // The platform's promise is that no request fails, also while instances come and go.
    http_req_failed: ['rate==0'],
    'checks{check:status is 200}': ['rate==1'],
    // Room for the first round, when all users arrive at once on a cold platform: a 30th of the requests of 30 s.
    'checks{check:response time < 200ms}': ['rate>0.95'],
    // The guide's target for the API.
    http_req_duration: withinTarget,
  },
  summaryTrendStats: ['min', 'med', 'avg', 'p(95)', 'p(99)', 'max'],
};

export function setup() {
  firstAnswer('/api/v1/users');
}

export default function () {
  const res = http.get(`${baseUrl}/api/v1/users`, asCaller('list users'));
  check(res, {
    'status is 200': (r) => r.status === 200,
    'response time < 200ms': (r) => r.timings.duration < 200,
  });
  sleep(1);
}
