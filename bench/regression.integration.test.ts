/**
 * A short benchmark in every run of the tests: the API in this process against bare servers in this process, in turn, on
 * the same Postgres. Ratios are compared with what they were, never times: a machine that is slow or busy slows both.
 * They are ratios of this process' CPU time: those of the clock went from 0.55 to 0.92 on a machine where 17 processes
 * wanted two cores, these from 0.52 to 0.63. What Postgres does is the plans' tests' to guard, and the figures
 * themselves are `make bench`'s: here the generator runs in the process that it loads.
 */
import { median } from 'simple-statistics';
import { expect, test } from 'vitest';
import { statementsDuring } from '../apps/api/src/testing/statements.ts';
import { HELLO_PATH, LIST_PATH } from './baselines/servers.ts';
import { COUNT_STATEMENT, PAGE_STATEMENT } from './baselines/user-list.ts';
import { PAGE_SIZE, startInProcess, takeTurns } from './in-process.ts';
import { hasUsers } from './load/run.ts';

/** The bare server's CPU time over the platform's for the same requests, as measured when it was last changed on purpose (HISTORY.md). */
const COMMITTED = {
  'list users over express-pg': 1.31,
  'list users over node-http-pg': 0.98,
  'page 2 of the users over express-pg': 0.57,
  'nothing but the way through over node-http': 0.5,
};
/** A halving is noticed; what runs on a busy machine differ by is not (0.34 to 0.45 within a minute). */
const LEFT = 0.5;

const TURNS = { rounds: 11, requests: 80 };
/** Of what takes a fifth of the time. */
const SHORT_TURNS = { rounds: 11, requests: 400 };
/** On a machine that has hardly any time for it. */
const LIMIT_MS = 240_000;

function expectNoHalving(name: keyof typeof COMMITTED, platformMs: number[], bareMs: number[]): void {
  const ratio = median(bareMs) / median(platformMs);
  const committed = COMMITTED[name];
  console.info(`${name}: ${ratio.toFixed(3)}, committed ${committed}`);
  expect(ratio, name).toBeGreaterThan(committed * LEFT);
}

test('the baselines ask Postgres what the platform asks it', async () => {
  const { api, token } = await startInProcess();
  const sent = await statementsDuring(() => api.call('GET', LIST_PATH, { token }));
  expect(sent).toEqual(expect.arrayContaining([PAGE_STATEMENT, COUNT_STATEMENT]));
});

test('a list of users costs less than twice what it did, compared with a bare server', {
  timeout: LIMIT_MS,
}, async () => {
  const { api, token, bare } = await startInProcess();
  const isExpected = hasUsers(PAGE_SIZE);
  const headers = { authorization: `Bearer ${token}` };
  const [platform = [], secondPage = [], express = [], nodeHttp = []] = await takeTurns(
    [
      { url: api.url + LIST_PATH, headers, isExpected },
      // Which no cache has.
      { url: `${api.url}${LIST_PATH}?page=2`, headers, isExpected },
      { url: (await bare('express-pg')) + LIST_PATH, isExpected },
      { url: (await bare('node-http-pg')) + LIST_PATH, isExpected },
    ],
    TURNS,
  );
  expectNoHalving('list users over express-pg', platform, express);
  expectNoHalving('list users over node-http-pg', platform, nodeHttp);
  expectNoHalving('page 2 of the users over express-pg', secondPage, express);
});

test('the way through costs less than twice what it did, compared with a bare server', {
  timeout: LIMIT_MS,
}, async () => {
  const { api, bare } = await startInProcess();
  const [platform = [], nodeHttp = []] = await takeTurns(
    [
      { url: `${api.url}/health/live`, isExpected: (body) => body.includes('"alive":true') },
      { url: (await bare('node-http')) + HELLO_PATH, isExpected: (body) => body.includes('"hello"') },
    ],
    SHORT_TURNS,
  );
  expectNoHalving('nothing but the way through over node-http', platform, nodeHttp);
});
