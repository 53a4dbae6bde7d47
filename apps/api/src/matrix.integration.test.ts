/**
 * Every route × every role × own and any resource × every kind of credential. What each must answer is said by
 * ONE table, testing/routes.ts, of what a route needs: a route that is not in it fails the first test.
 */
import { LOAD_TEST_ROLE, SYSTEM_ROLES } from '@sv-sdk/db';
import { allows } from '@sv-sdk/permissions';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Endpoint } from './endpoint/endpoint.ts';
import type { ErrorCode } from './errors.ts';
import { endpoints } from './routes/index.ts';
import { type Answer, startTestApi, type TestApi } from './testing/api.ts';
import {
  addCredential,
  addRole,
  addUserWithRole,
  type Caller,
  type CredentialKind,
  cookieNameOf,
} from './testing/callers.ts';
import {
  addRouteRoles,
  EMPTY_ROLE,
  endpointOf,
  operationOf,
  ROUTES,
  type Route,
  type Scope,
  type Step,
  send,
} from './testing/routes.ts';

test('every route has its entry in the table, and no other stands there', () => {
  const inTable = new Set(Object.keys(ROUTES).map(operationOf));
  expect([...inTable].toSorted()).toEqual(endpoints.map(({ operationId }) => operationId).toSorted());
});

let api: TestApi;
let cookieName: string;
let flawed: readonly Flawed[];
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  api = await startTestApi({ atEnd: (close) => closing.push(close) });
  cookieName = await cookieNameOf(api);
  await addRouteRoles(api);
  flawed = await makeFlawedCredentials();
});
afterAll(async () => {
  for (const close of closing) await close();
});

interface Role {
  readonly name: string;
  readonly permissions: readonly string[];
}
const SEEDED: readonly Role[] = [...SYSTEM_ROLES, LOAD_TEST_ROLE];
const NOTHING: Role = { name: EMPTY_ROLE, permissions: [] };
/** Roles that have what a route needs and no more, and all of it but one. */
function rolesAround(steps: readonly Step[]): Role[] {
  const needed = steps.flatMap(({ permission }) => permission ?? []);
  const asRole = (permissions: readonly string[]): Role => ({
    name: permissions.length === 0 ? EMPTY_ROLE : `matrix_${permissions.join('_')}`.replace(/\W/g, '_'),
    permissions,
  });
  return [
    asRole(needed),
    ...needed.map((left) => asRole(needed.filter((permission) => permission !== left))),
  ];
}

type Outcome = ErrorCode | 'success';

/** What a caller with these permissions must get. */
function outcomeFor(
  route: Route,
  endpoint: Endpoint,
  scope: Scope,
  caller: { permissions: readonly string[]; kind: CredentialKind; isNarrowed?: boolean },
): Outcome {
  if (endpoint.access !== 'public') {
    if (endpoint.access === 'session' && caller.kind === 'api key') return 'PERMISSION_DENIED';
    for (const step of route[scope] ?? []) {
      if (step.permission === undefined || !allows(caller.permissions, step.permission)) return step.else;
    }
    if (route.changesUser && scope === 'own' && caller.isNarrowed && !allows(caller.permissions, '*:*:*')) {
      return 'PERMISSION_DENIED';
    }
  }
  return route.error ?? 'success';
}

const outcomeOf = ({ status, body }: Answer): Outcome => (status < 300 ? 'success' : body.error.code);

/** What of an answer may differ between a resource that is missing and one that is hidden: nothing else. */
const DIFFERS = new Set(['date', 'x-request-id', 'ratelimit', 'content-length']);
function visible({ status, headers, body: { meta: _, ...body } }: Answer): string {
  return JSON.stringify([status, [...headers].filter(([name]) => !DIFFERS.has(name)), body]);
}

/** The narrowed key is a super_admin's, with the role's permissions as its scopes: it must open as much as the role. */
const WAYS = ['bearer', 'cookie', 'api key', 'narrowed api key'] as const;

const routes = Object.entries(ROUTES).flatMap(([name, route]) =>
  (['own', 'any'] as const).filter((scope) => route[scope]).map((scope) => ({ name, scope, route })),
);

test.each(routes)('$name ($scope): every role by every credential', async ({ name, scope, route }) => {
  const endpoint = endpointOf(name);
  const wrong: string[] = [];
  for (const role of [...SEEDED, NOTHING, ...rolesAround(route[scope] ?? [])]) {
    for (const way of WAYS) {
      const isNarrowed = way === 'narrowed api key';
      const kind = isNarrowed ? 'api key' : way;
      const { credential, id } = await api.db.withTx(async (tx) => {
        const held = isNarrowed ? 'super_admin' : await addRole(tx, role.name, role.permissions);
        const callerId = await addUserWithRole(tx, held);
        const ownerId = scope === 'own' ? callerId : await addUserWithRole(tx, EMPTY_ROLE);
        return {
          credential: await addCredential(tx, callerId, kind, {
            cookieName,
            ...(isNarrowed && { scopes: [...role.permissions] }),
          }),
          id: (await route.resource?.(tx, ownerId)) ?? '',
        };
      });
      const expected = outcomeFor(route, endpoint, scope, {
        permissions: role.permissions,
        kind,
        isNarrowed,
      });
      const answer = await send(api, { route, endpoint, id, credential });
      if (outcomeOf(answer) !== expected) {
        wrong.push(`${role.name} by ${way}: ${outcomeOf(answer)} instead of ${expected}`);
      }
      if (expected === 'NOT_FOUND') {
        const missing = await send(api, { route, endpoint, id: id.replace(/^[^/]+/, uuidv7()), credential });
        if (visible(missing) !== visible(answer)) {
          wrong.push(`${role.name} by ${way}: hidden ${visible(answer)} is not missing ${visible(missing)}`);
        }
      }
    }
  }
  expect(wrong).toEqual([]);
});

/** A credential of a super_admin, at fault in this one way. */
interface Flawed {
  readonly name: string;
  readonly credential: Caller['credential'];
  /** Undefined: no fault for this route, which is not asked then. */
  readonly outcome: (route: Route, endpoint: Endpoint, scope: Scope) => Outcome | undefined;
}

const refusedWith =
  (code: ErrorCode): Flawed['outcome'] =>
  (route, endpoint) =>
    endpoint.access === 'public' ? (route.error ?? 'success') : code;
/** A page of another site can make a browser send these. */
const refusedAsForeign: Flawed['outcome'] = (_route, { method }) =>
  method === 'get' ? undefined : 'PERMISSION_DENIED';
const byCookieWithoutOrigin: Flawed['outcome'] = (route, endpoint) =>
  endpoint.access === 'public' ? (route.error ?? 'success') : refusedAsForeign(route, endpoint, 'any');

/** Those that were revoked have been used before, so that no cache may remember them. */
async function makeFlawedCredentials(): Promise<Flawed[]> {
  const add = (kind: CredentialKind, options: { scopes?: string[]; expiresAt?: Date } = {}) =>
    api.db.withTx(async (tx) => {
      const userId = await addUserWithRole(tx, 'super_admin');
      return { userId, credential: await addCredential(tx, userId, kind, { ...options, cookieName }) };
    });
  const ok = async (answer: Promise<Answer>) => expect(await answer).toMatchObject({ status: 200 });
  const used = async (caller: Caller) => {
    await ok(api.call('GET', '/api/v1/users?pageSize=1', caller.credential));
    return caller;
  };
  const admin = await add('bearer');
  const after = async (caller: Caller, end: (caller: Caller) => Promise<Answer>) => {
    await used(caller);
    await ok(end(caller));
    return caller.credential;
  };
  const deactivate = ({ userId }: Caller) =>
    api.call('PATCH', `/api/v1/users/${userId}`, { ...admin.credential, body: { isActive: false } });
  const remove = ({ userId }: Caller) => api.call('DELETE', `/api/v1/users/${userId}`, admin.credential);
  const logOut = ({ credential }: Caller) => api.call('POST', '/api/v1/auth/logout', credential);
  /** By a session of the key's user: keys don't manage keys. */
  const revokeKey = async ({ userId }: Caller) => {
    const session = await api.db.withTx((tx) => addCredential(tx, userId, 'bearer', { cookieName }));
    const keys = await api.call('GET', '/api/v1/auth/api-keys', session);
    return api.call('DELETE', `/api/v1/auth/api-keys/${keys.body.data[0].id}`, session);
  };
  const past = new Date(Date.now() - 1_000);
  const [cookie, bearer, key] = [await add('cookie'), await add('bearer'), await add('api key')];
  const [session, machine] = [refusedWith('SESSION_ERROR'), refusedWith('AUTHENTICATION_ERROR')];
  return [
    { name: 'none', credential: {}, outcome: machine },
    { name: 'another scheme', credential: { headers: { authorization: 'Basic YTpi' } }, outcome: machine },
    {
      name: 'a scheme without a token',
      credential: { headers: { authorization: 'Bearer' } },
      outcome: machine,
    },
    { name: 'a made-up token', credential: { token: 'made-up' }, outcome: session },
    { name: 'an overlong token', credential: { token: 'x'.repeat(5_000) }, outcome: session },
    { name: 'a made-up key', credential: { apiKey: 'sv_made-up' }, outcome: machine },
    { name: 'an unsigned cookie', credential: { cookie: `${cookieName}=made-up` }, outcome: session },
    {
      name: 'a cookie whose signature is of another token',
      credential: { ...cookie.credential, cookie: (cookie.credential.cookie ?? '').replace('=', '=x') },
      outcome: session,
    },
    { name: 'a key as a token', credential: { token: key.credential.apiKey }, outcome: session },
    { name: 'a token as a key', credential: { apiKey: bearer.credential.token }, outcome: machine },
    {
      name: 'a made-up key beside a good token',
      credential: { ...bearer.credential, apiKey: 'sv_made-up' },
      outcome: machine,
    },
    {
      name: 'an expired session',
      credential: (await add('bearer', { expiresAt: past })).credential,
      outcome: session,
    },
    {
      name: 'an expired key',
      credential: (await add('api key', { expiresAt: past })).credential,
      outcome: machine,
    },
    {
      name: 'a session that was ended',
      credential: await after(await add('bearer'), logOut),
      outcome: session,
    },
    { name: 'its cookie', credential: await after(await add('cookie'), logOut), outcome: session },
    { name: 'a revoked key', credential: await after(await add('api key'), revokeKey), outcome: machine },
    {
      name: 'session, user inactive',
      credential: await after(await add('bearer'), deactivate),
      outcome: session,
    },
    {
      name: 'key, user inactive',
      credential: await after(await add('api key'), deactivate),
      outcome: machine,
    },
    { name: 'session, user deleted', credential: await after(await add('bearer'), remove), outcome: session },
    { name: 'key, user deleted', credential: await after(await add('api key'), remove), outcome: machine },
    {
      name: 'a key narrowed to what no route needs',
      credential: (await add('api key', { scopes: ['read:own:nothing'] })).credential,
      outcome: (route, endpoint, scope) =>
        outcomeFor(route, endpoint, scope, { permissions: [], kind: 'api key' }),
    },
    {
      name: 'a cookie without an origin',
      credential: { cookie: cookie.credential.cookie },
      outcome: byCookieWithoutOrigin,
    },
    {
      name: 'a cookie from another site',
      credential: { ...cookie.credential, headers: { origin: 'https://evil.example' } },
      outcome: refusedAsForeign,
    },
  ];
}

test.each(routes.filter(({ scope, route }) => scope === (route.any === undefined ? 'own' : 'any')))(
  '$name ($scope): credentials at fault',
  async ({ name, scope, route }) => {
    const endpoint = endpointOf(name);
    const wrong: string[] = [];
    for (const { name: what, credential, outcome } of flawed) {
      const expected = outcome(route, endpoint, scope);
      if (expected === undefined) continue;
      const id = await api.db.withTx(async (tx) =>
        route.resource === undefined ? '' : await route.resource(tx, await addUserWithRole(tx, EMPTY_ROLE)),
      );
      const got = outcomeOf(await send(api, { route, endpoint, id, credential }));
      if (got !== expected) wrong.push(`${what}: ${got} instead of ${expected}`);
    }
    expect(wrong).toEqual([]);
  },
);
