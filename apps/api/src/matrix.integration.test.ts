/**
 * Every route × every role × own and any resource × every kind of credential. What each must answer is said by
 * ONE table, {@link ROUTES}, of what a route needs: a route that is not in it fails the first test.
 */
import { createApiKey, issueVerification, type VerificationKind } from '@sv-sdk/auth';
import {
  emailSends,
  emailTemplates,
  LOAD_TEST_ROLE,
  roles,
  SYSTEM_ROLES,
  type Tx,
  userRoles,
  users,
} from '@sv-sdk/db';
import { addSuppressions } from '@sv-sdk/email';
import { allows } from '@sv-sdk/permissions';
import { eq } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Endpoint } from './endpoint/endpoint.ts';
import type { ErrorCode } from './errors.ts';
import { endpoints } from './routes/index.ts';
import { type Answer, startTestApi, type TestApi } from './testing/api.ts';
import {
  addCredential,
  addRole,
  addSession,
  addUserWithRole,
  type Caller,
  type CredentialKind,
  cookieNameOf,
} from './testing/callers.ts';

/** A permission that a route asks for, and the refusal of who doesn't hold it. */
interface Step {
  /** Undefined: nobody has it. */
  readonly permission: string | undefined;
  readonly else: 'PERMISSION_DENIED' | 'NOT_FOUND';
}
/** Without it the caller is told so. */
const needs = (permission: string): Step => ({ permission, else: 'PERMISSION_DENIED' });
/** Without it the resource looks as if it did not exist. */
const sees = (permission: string): Step => ({ permission, else: 'NOT_FOUND' });

/** The resource is the caller's alone: another's doesn't exist for anybody. */
const isNobodys: Step = { permission: undefined, else: 'NOT_FOUND' };

/** `own`: the resource is the caller's. `any`: it isn't, or there is none. */
type Scope = 'own' | 'any';

interface Route extends Readonly<Partial<Record<Scope, readonly Step[]>>> {
  /** Makes what the request is about, of this owner. Its id stands in the path and is handed to `body`. */
  readonly resource?: (tx: Tx, ownerId: string) => Promise<string>;
  /** Changes a user, which nobody may do who holds less than the user: a narrowed key its own, for one. */
  readonly changesUser?: true;
  readonly body?: (id: string) => unknown;
  readonly query?: string;
  /** What whoever may call it is answered with, where that is an error. */
  readonly error?: ErrorCode;
}

const user = async (_tx: Tx, ownerId: string) => ownerId;
const session = async (tx: Tx, userId: string) => (await addSession(tx, userId)).id;
const apiKey = async (tx: Tx, userId: string) =>
  (await createApiKey(tx, { userId, name: 'resource', scopes: null, expiresAt: null })).row.id;
const email = async (tx: Tx, requestedBy: string) => {
  const id = uuidv7();
  await tx
    .insert(emailSends)
    .values({ id, requestedBy, recipient: 'ada@example.org', template: 'notification', variables: {} });
  return id;
};
const failedEmail = async (tx: Tx, requestedBy: string) => {
  const id = await email(tx, requestedBy);
  await tx.update(emailSends).set({ status: 'failed' }).where(eq(emailSends.id, id));
  return id;
};
const MJML =
  '<mjml><mj-body><mj-section><mj-column><mj-text>Hi</mj-text></mj-column></mj-section></mj-body></mjml>';
const template = async (tx: Tx) => {
  const id = uuidv7();
  const name = `matrix_${id.replaceAll('-', '')}`;
  await tx
    .insert(emailTemplates)
    .values({ id, name, subject: 'Hi', mjml: MJML, html: '<p>Hi</p>', variables: [] });
  return id;
};
const suppression = async (tx: Tx) => {
  const [added] = await addSuppressions(tx, [{ email: newAddress(), reason: 'manual' }]);
  return added?.id ?? '';
};
/** Nobody has it. */
const role = async (tx: Tx) => {
  const id = uuidv7();
  await tx.insert(roles).values({ id, name: `matrix_${id}`, permissions: [] });
  return id;
};
/** A user who was granted the empty role beside the main one. */
const userWithGrant = async (tx: Tx, ownerId: string) => {
  const [{ id: roleId } = { id: '' }] = await tx.select().from(roles).where(eq(roles.name, GRANTED_ROLE));
  await tx.insert(userRoles).values({ userId: ownerId, roleId });
  return `${ownerId}/roles/${roleId}`;
};
const mailedToken = (kind: VerificationKind) => async (tx: Tx, userId: string) => {
  const [row] = await tx.select().from(users).where(eq(users.id, userId));
  if (row === undefined) throw new Error('no such user');
  return issueVerification(tx, kind, row);
};

/** Holds nothing, so that anybody may grant it, and nobody is below its holders. */
const EMPTY_ROLE = 'matrix_empty';
/** The same, for grants beside it. */
const GRANTED_ROLE = 'matrix_granted';
const PASSWORD = 'correct horse battery';
const newAddress = () => `${uuidv7()}@example.org`;
const EMAIL = {
  to: 'ada@example.org',
  template: 'notification',
  variables: { name: 'Ada', title: 'T', message: 'M' },
};

/**
 * By operation. A route that answers differently to different requests stands here several times,
 * `operationId what`. Public ones need nothing and are shown here to be public.
 */
const ROUTES: Readonly<Record<string, Route>> = {
  signUp: { any: [], body: () => ({ email: newAddress(), name: 'Ada', password: PASSWORD }) },
  'login of nobody': {
    any: [],
    body: () => ({ email: newAddress(), password: PASSWORD }),
    error: 'AUTHENTICATION_ERROR',
  },
  logout: { any: [] },
  getSession: { any: [] },
  listSessions: { any: [] },
  endSession: { own: [], any: [isNobodys], resource: session },
  endOtherSessions: { any: [] },
  sendVerificationEmail: { any: [], body: () => ({ email: newAddress() }) },
  requestPasswordReset: { any: [], body: () => ({ email: newAddress() }) },
  verifyEmail: { any: [], resource: mailedToken('verify_email'), body: (token) => ({ token }) },
  resetPassword: {
    any: [],
    resource: mailedToken('reset_password'),
    body: (token) => ({ token, password: PASSWORD }),
  },
  'changePassword not knowing it': {
    any: [],
    body: () => ({ currentPassword: 'not the password', newPassword: PASSWORD }),
    error: 'AUTHENTICATION_ERROR',
  },
  listApiKeys: { any: [needs('read:own:api_key')] },
  createApiKey: { any: [needs('create:own:api_key')], body: () => ({ name: 'key' }) },
  revokeApiKey: {
    own: [needs('delete:own:api_key')],
    any: [needs('delete:own:api_key'), isNobodys],
    resource: apiKey,
  },
  listUsers: { any: [needs('read:any:user')] },
  createUser: {
    any: [needs('create:any:user')],
    body: () => ({ email: newAddress(), name: 'Ada', role: EMPTY_ROLE }),
  },
  getUser: { own: [sees('read:own:user')], any: [sees('read:any:user')], resource: user },
  'updateUser name': {
    own: [sees('read:own:user'), needs('update:own:user')],
    any: [sees('read:any:user'), needs('update:any:user')],
    resource: user,
    body: () => ({ name: 'Grace' }),
  },
  'updateUser address': {
    own: [sees('read:own:user'), needs('update:any:user')],
    any: [sees('read:any:user'), needs('update:any:user')],
    resource: user,
    changesUser: true,
    body: () => ({ email: newAddress() }),
  },
  'updateUser role': {
    own: [sees('read:own:user'), needs('update:any:user')],
    any: [sees('read:any:user'), needs('update:any:user')],
    resource: user,
    changesUser: true,
    body: () => ({ role: EMPTY_ROLE }),
  },
  deleteUser: {
    own: [sees('read:own:user'), needs('delete:own:user')],
    any: [sees('read:any:user'), needs('delete:any:user')],
    resource: user,
    changesUser: true,
  },
  listRoles: { any: [needs('read:any:role')] },
  createRole: {
    any: [needs('create:any:role')],
    body: () => ({ name: `matrix_${uuidv7().replaceAll('-', '')}`, permissions: [] }),
  },
  getRole: { any: [sees('read:any:role')], resource: role },
  updateRole: {
    any: [sees('read:any:role'), needs('update:any:role')],
    resource: role,
    body: () => ({ description: 'changed' }),
  },
  deleteRole: { any: [sees('read:any:role'), needs('delete:any:role')], resource: role },
  listUserRoles: {
    own: [sees('read:own:user')],
    any: [sees('read:any:user'), needs('read:any:permission')],
    resource: user,
  },
  grantUserRole: {
    own: [sees('read:own:user'), needs('create:own:permission')],
    any: [sees('read:any:user'), needs('create:any:permission')],
    resource: user,
    changesUser: true,
    body: () => ({ role: GRANTED_ROLE }),
  },
  revokeUserRole: {
    own: [sees('read:own:user'), needs('delete:own:permission')],
    any: [sees('read:any:user'), needs('delete:any:permission')],
    resource: userWithGrant,
    changesUser: true,
  },
  checkPermissions: { any: [], body: () => ({ permission: 'read:own:user' }) },
  'checkPermissions of a user': {
    own: [],
    any: [sees('read:any:permission')],
    resource: user,
    body: (id) => ({ userId: id, permission: 'read:own:user' }),
  },
  createEmails: { any: [needs('create:any:email')], body: () => EMAIL },
  getEmail: { own: [sees('read:own:email')], any: [sees('read:any:email')], resource: email },
  listEmails: { any: [needs('read:own:email')] },
  getEmailStats: { any: [needs('read:any:email')] },
  cancelEmail: {
    own: [sees('read:own:email'), needs('update:own:email')],
    any: [sees('read:any:email'), needs('update:any:email')],
    resource: email,
  },
  replayEmail: {
    own: [sees('read:own:email'), needs('update:own:email')],
    any: [sees('read:any:email'), needs('update:any:email')],
    resource: failedEmail,
  },
  replayEmails: { any: [needs('update:any:email')], body: () => ({ template: 'none' }) },
  listTemplates: { any: [needs('read:any:template')] },
  createTemplate: {
    any: [needs('create:any:template')],
    body: () => ({
      name: `matrix_${uuidv7().replaceAll('-', '')}`,
      subject: 'Hi',
      mjml: MJML,
      variables: [],
    }),
  },
  previewDraft: {
    any: [needs('create:any:template')],
    body: () => ({ subject: 'Hi', mjml: MJML, variables: {} }),
  },
  getTemplate: { any: [sees('read:any:template')], resource: template },
  'updateTemplate version': {
    any: [sees('read:any:template'), needs('update:any:template')],
    resource: template,
    body: () => ({ subject: 'Hello' }),
  },
  'updateTemplate in use': {
    any: [sees('read:any:template'), needs('update:any:template')],
    resource: template,
    body: () => ({ isActive: false }),
  },
  deleteTemplate: {
    any: [sees('read:any:template'), needs('delete:any:template')],
    resource: template,
  },
  previewTemplate: {
    any: [sees('read:any:template')],
    resource: template,
    body: () => ({ variables: {} }),
  },
  listSuppressions: { any: [needs('read:any:suppression')] },
  createSuppression: { any: [needs('create:any:suppression')], body: () => ({ email: newAddress() }) },
  deleteSuppression: {
    any: [sees('read:any:suppression'), needs('delete:any:suppression')],
    resource: suppression,
  },
  getEmailPreferences: { any: [] },
  updateEmailPreferences: { any: [], body: () => ({ marketing: false }) },
  listAudit: { any: [needs('read:any:audit')] },
  exportAudit: { any: [needs('read:any:audit')], query: '?format=json&eventType=nothing' },
};

const operationOf = (name: string) => name.split(' ', 1)[0] ?? name;
const endpointOf = (name: string) => {
  const endpoint = endpoints.find(({ operationId }) => operationId === operationOf(name));
  if (endpoint === undefined) throw new Error(`there is no operation ${name}`);
  return endpoint;
};

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
  await api.db.withTx(async (tx) => {
    for (const name of [EMPTY_ROLE, GRANTED_ROLE]) await addRole(tx, name, []);
  });
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

interface Request {
  readonly route: Route;
  readonly endpoint: Endpoint;
  readonly id: string;
  readonly credential: Caller['credential'];
}

function send({ route, endpoint, id, credential }: Request): Promise<Answer> {
  // A resource below another brings the rest of its path.
  const path = endpoint.path.replace(/:\w+(?:\/.*:\w+)?/, id) + (route.query ?? '');
  const options = { ...credential, ...(route.body !== undefined && { body: route.body(id) }) };
  return api.call(endpoint.method.toUpperCase(), path, options);
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
      const answer = await send({ route, endpoint, id, credential });
      if (outcomeOf(answer) !== expected) {
        wrong.push(`${role.name} by ${way}: ${outcomeOf(answer)} instead of ${expected}`);
      }
      if (expected === 'NOT_FOUND') {
        const missing = await send({ route, endpoint, id: id.replace(/^[^/]+/, uuidv7()), credential });
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
      const got = outcomeOf(await send({ route, endpoint, id, credential }));
      if (got !== expected) wrong.push(`${what}: ${got} instead of ${expected}`);
    }
    expect(wrong).toEqual([]);
  },
);
