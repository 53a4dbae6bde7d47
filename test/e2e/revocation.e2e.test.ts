import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, signIn } from './client.ts';
import { runInApp, untilHealthy } from './containers.ts';
import type { Ask, Report, Specification } from './probe-instances.ts';
import { containersOf, shellOrThrow, startStack } from './stack.ts';

const INSTANCES = 5;
/** design.md, invariant 4. */
const LIMIT_MS = 1_000;

let admin: string;
beforeAll(async () => {
  await startStack();
  await shellOrThrow(`docker compose up -d --scale app=${INSTANCES}`);
  await untilHealthy();
  expect(await containersOf('app')).toHaveLength(INSTANCES);
  admin = await signIn();
});
afterAll(async () => {
  await shellOrThrow('docker compose up -d --scale app=2');
});

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function created(path: string, token: string, body: unknown) {
  const answer = await call('POST', path, { token, body });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body.data;
}

async function newUser(): Promise<{ id: string; token: string }> {
  const email = `${randomUUID()}@example.org`;
  const password = `pass-${randomUUID()}`;
  const { id } = await created('/api/v1/users', admin, { email, name: 'Ada', password });
  const login = await call('POST', '/api/v1/auth/login', { body: { email, password } });
  expect(login.status, JSON.stringify(login.body)).toBe(200);
  return { id, token: login.body.data.token };
}

interface Case {
  readonly ask: Ask;
  readonly revocation: Ask;
  readonly refusal: number;
}

const cases: Record<'role' | 'session' | 'API key', () => Promise<Case>> = {
  role: async () => {
    const { id, token } = await newUser();
    const name = `reader_${randomUUID().slice(0, 8)}`;
    const role = await created('/api/v1/roles', admin, { name, permissions: ['read:any:user'] });
    await created(`/api/v1/users/${id}/roles`, admin, { role: name });
    return {
      ask: { method: 'GET', path: '/api/v1/users?pageSize=1', headers: bearer(token) },
      revocation: { method: 'DELETE', path: `/api/v1/users/${id}/roles/${role.id}`, headers: bearer(admin) },
      refusal: 403,
    };
  },
  session: async () => {
    const { token } = await newUser();
    return {
      ask: { method: 'GET', path: '/api/v1/auth/session', headers: bearer(token) },
      revocation: { method: 'POST', path: '/api/v1/auth/logout', headers: bearer(token) },
      refusal: 401,
    };
  },
  'API key': async () => {
    const { id, token } = await newUser();
    const apiKey = await created('/api/v1/auth/api-keys', token, { name: 'e2e' });
    return {
      ask: { method: 'GET', path: `/api/v1/users/${id}`, headers: { 'x-api-key': apiKey.key } },
      revocation: { method: 'DELETE', path: `/api/v1/auth/api-keys/${apiKey.id}`, headers: bearer(token) },
      refusal: 401,
    };
  },
};

describe.each([
  ['with everything at work', {}],
  // The channel of the invalidations breaks in the very moment in which it is needed.
  ['while Redis hangs', { redisHangsMs: 4_000 }],
])('%s', (situation, disturbance: Pick<Specification, 'redisHangsMs'>) => {
  test.for(['role', 'session', 'API key'] as const)(
    'a revoked %s is refused by each of 5 instances within a second',
    async (kind) => {
      const { ask, revocation, refusal } = await cases[kind]();
      const specification: Specification = { instances: INSTANCES, ask, revocation, ...disturbance };
      const report = await runInApp<Report>('probe-instances.ts', { specification });
      expect(report.revocation.status).toBe(200);
      expect(report.instances).toHaveLength(INSTANCES);
      const latest = Math.max(...report.instances.map(({ lastServedMs }) => lastServedMs));
      const { durationMs } = report.revocation;
      console.info(
        `${kind} revoked ${situation}: the revocation took ${durationMs.toFixed(0)} ms; the last request served was ` +
          `sent ${latest.toFixed(0)} ms after its answer (limit: ${LIMIT_MS} ms), by instance: ` +
          report.instances.map(({ lastServedMs }) => lastServedMs.toFixed(0)).join(', ') +
          (report.hungBeforeMs > 0
            ? `; ${(latest + report.hungBeforeMs).toFixed(0)} ms after Redis hung`
            : ''),
      );
      for (const { address, lastServedMs, refusals } of report.instances) {
        expect(lastServedMs, address).toBeLessThan(LIMIT_MS);
        expect(refusals.length, address).toBeGreaterThanOrEqual(5);
        expect(new Set(refusals), address).toEqual(new Set([refusal]));
      }
    },
  );
});
