// Emails in batches of a hundred, as fast as they are accepted, and then the wait until each is sent.
//   make load SCENARIO=email-burst EMAILS=2000
//
// The administrator sends them, as the load tests' own key may only read users. `make load` runs this only where mail
// goes to the bundled maildev or to the mock: thousands of mails that nobody has asked for would ruin a sender's name.
import { check, fail, sleep } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { Trend } from 'k6/metrics';
import { baseUrl } from './lib/caller.js';
import { trendStats } from './lib/open-model.js';

const BATCH = 100;
const batches = Math.ceil(Number(__ENV.EMAILS || 2000) / BATCH);
/** Few, and patient: with the administrator's 600 requests a minute each batch and each look at it has to do. */
const senders = Math.min(5, batches);
const LOOK_EVERY_SECONDS = 2;
/** The guide's target. */
const GOAL_PER_SECOND = 100;
const GIVE_UP_SECONDS = 600;

const secretsDirectory = __ENV.SECRETS_DIR || import.meta.resolve('../../secrets');
const password = open(`${secretsDirectory}/admin_password`).trim();
const secondsToSent = new Trend('email_seconds_to_sent');

export const options = {
  scenarios: {
    burst: {
      executor: 'shared-iterations',
      vus: senders,
      iterations: senders,
      maxDuration: `${GIVE_UP_SECONDS + 60}s`,
    },
  },
  thresholds: {
    checks: ['rate==1'],
    http_req_failed: ['rate==0'],
    'http_req_duration{name:accept emails}': ['p(95)<1000'],
    // Counted from the start of the burst: at the guide's rate the last one is sent by then.
    email_seconds_to_sent: [`max<${(batches * BATCH) / GOAL_PER_SECOND + LOOK_EVERY_SECONDS}`],
  },
  summaryTrendStats: trendStats,
};

export function setup() {
  const body = JSON.stringify({ email: __ENV.SV_ADMIN_EMAIL || 'admin@example.com', password });
  const res = http.post(`${baseUrl}/api/v1/auth/login`, body, {
    headers: { 'content-type': 'application/json' },
  });
  if (res.status !== 200) fail(`signing in as the administrator answers ${res.status || res.error}`);
  return { token: res.json('data.token'), startedAtMs: Date.now() };
}

export default function ({ token, startedAtMs }) {
  // Emails are sent in about the order of their acceptance; the last one of a sender stands for all of its.
  let last;
  for (let batch = exec.scenario.iterationInTest; batch < batches; batch += senders) {
    last = accept(token, batch).at(-1);
  }
  const deadlineMs = startedAtMs + GIVE_UP_SECONDS * 1000;
  let status = 'queued';
  while (status === 'queued' && Date.now() < deadlineMs) {
    sleep(LOOK_EVERY_SECONDS);
    const res = http.get(`${baseUrl}/api/v1/emails/${last}`, asAdministrator(token, 'look at an email'));
    status = res.json('data.status');
  }
  secondsToSent.add((Date.now() - startedAtMs) / 1000);
  check(status, { 'the last one is sent': (s) => s === 'sent' || s === 'delivered' });
}

export function teardown({ token }) {
  http.post(`${baseUrl}/api/v1/auth/logout`, null, asAdministrator(token, 'sign out'));
}

function accept(token, number) {
  const batch = Array.from({ length: BATCH }, (_, index) => ({
    to: `load-${number}-${index}@load-test.invalid`,
    template: 'notification',
    variables: { name: 'Ada', title: 'Load test', message: 'Nobody will read this.' },
  }));
  const res = http.post(
    `${baseUrl}/api/v1/emails`,
    JSON.stringify({ emails: batch }),
    asAdministrator(token, 'accept emails'),
  );
  check(res, { 'the batch is accepted': (r) => r.status === 202 && r.json('data.ids').length === BATCH });
  if (res.status !== 202) fail(`a batch is answered with ${res.status || res.error}: ${res.body}`);
  return res.json('data.ids');
}

function asAdministrator(token, name) {
  return {
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    // Every email has an address of its own, which must not become a name of a metric.
    tags: { name },
  };
}
