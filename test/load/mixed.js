// Reads at a fixed rate, whatever the platform does meanwhile: an open model, so a stall shows as late answers and
// dropped iterations instead of as less load.
//   make load SCENARIO=mixed RATE=200 DURATION=1m
// Lists, single users and permission checks; no session reads, as an API key has no session.
import { check } from 'k6';
import http from 'k6/http';
import { asCaller, baseUrl, firstAnswer } from './lib/caller.js';

const ratePerSecond = Number(__ENV.RATE || 200);
const PAGES = 10;

export const options = {
  scenarios: {
    reads: {
      executor: 'constant-arrival-rate',
      rate: ratePerSecond,
      timeUnit: '1s',
      duration: __ENV.DURATION || '1m',
      // A stall of half a second keeps this many waiting. All are made beforehand, as making them costs CPU too.
      preAllocatedVUs: Math.max(10, Math.ceil(ratePerSecond / 2)),
    },
  },
  thresholds: {
    http_req_failed: ['rate==0'],
    checks: ['rate==1'],
    // A dropped iteration is a request that was due and never sent: the figures then flatter.
    dropped_iterations: ['count==0'],
    'http_req_duration{name:list users}': ['p(95)<100'],
    'http_req_duration{name:get user}': ['p(95)<100'],
    'http_req_duration{name:check permission}': ['p(95)<100'],
  },
  summaryTrendStats: ['min', 'med', 'avg', 'p(95)', 'p(99)', 'max'],
};

/** The users there are, and how many pages of 20 they fill. */
export function setup() {
  const { data, pagination } = firstAnswer('/api/v1/users?pageSize=100');
  return { userIds: data.map(({ id }) => id), pages: Math.min(PAGES, Math.ceil(pagination.totalCount / 20)) };
}

export default function ({ userIds, pages }) {
  const share = Math.random();
  const res = share < 0.6 ? listUsers(pages) : share < 0.9 ? getUser(userIds) : checkPermission();
  check(res, { 'status is 200': (r) => r.status === 200 });
}

function listUsers(pages) {
  return http.get(`${baseUrl}/api/v1/users?page=${1 + randomBelow(pages)}`, asCaller('list users'));
}

function getUser(userIds) {
  return http.get(`${baseUrl}/api/v1/users/${userIds[randomBelow(userIds.length)]}`, asCaller('get user'));
}

function checkPermission() {
  return http.post(
    `${baseUrl}/api/v1/permissions/check`,
    JSON.stringify({ permission: 'read:any:user' }),
    asCaller('check permission', { 'content-type': 'application/json' }),
  );
}

function randomBelow(count) {
  return Math.floor(Math.random() * count);
}
