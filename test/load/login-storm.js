// Everybody signs in at once, while others go on reading: the readers must not notice.
//   make load SCENARIO=login-storm RATE=50 DURATION=30s
//
// Those who sign in don't exist: the platform does the same work for them as for a wrong password, and no account is
// touched. All come from one address, so most are refused by its limit (RATE_LIMIT_SIGN_IN_PER_MINUTE), which is the
// platform's answer to a storm; raise the limit in .env to let the storm reach the passwords' hash.
import { check } from 'k6';
import http from 'k6/http';
import { baseUrl } from './lib/caller.js';
import { constantRate, isHonest503, secondsOf, trendStats } from './lib/open-model.js';
import { read, whatThereIs } from './lib/reads.js';
import { withinTarget } from './lib/target.js';

const seconds = secondsOf(__ENV.DURATION || '30s');
const READS_PER_SECOND = 20;
/** Its figures stand apart from those of the readers. */
const signIn = { headers: { 'content-type': 'application/json' }, tags: { name: 'sign in' } };

export const options = {
  scenarios: {
    readers: constantRate(READS_PER_SECOND, { seconds }),
    // A hash takes tens of milliseconds of a core: those who wait for theirs are many.
    storm: constantRate(Number(__ENV.RATE || 50), { seconds, stallSeconds: 5, exec: 'storm' }),
  },
  thresholds: {
    checks: ['rate==1'],
    'http_req_failed{scenario:readers}': ['rate==0'],
    'http_req_duration{scenario:readers}': withinTarget,
    'http_req_duration{scenario:storm}': ['p(95)>=0'],
  },
  summaryTrendStats: trendStats,
};

export const setup = whatThereIs;

export default function (found) {
  check(read(found), { 'status is 200': (r) => r.status === 200 });
}

export function storm() {
  const body = { email: `load-${__VU}-${__ITER}@load-test.invalid`, password: 'not the password' };
  const res = http.post(`${baseUrl}/api/v1/auth/login`, JSON.stringify(body), signIn);
  check(res, { 'refused, as it must be': (r) => isRefused(r) || isLimited(r) || isHonest503(r) });
}

function isRefused(res) {
  return res.status === 401 && res.json('error.code') === 'AUTHENTICATION_ERROR';
}

function isLimited(res) {
  return res.status === 429 && res.headers['Retry-After'] !== undefined;
}
