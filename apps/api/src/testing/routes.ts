/**
 * What every route is asked for and needs: ONE table, of the tests that ask every route (who may call it, which plans
 * its statements have).
 */
import { createApiKey, issueVerification, type VerificationKind } from '@sv-sdk/auth';
import { emailSends, emailTemplates, roles, type Tx, userRoles, users } from '@sv-sdk/db';
import { addSuppressions } from '@sv-sdk/email';
import { eq } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import type { Endpoint } from '../endpoint/endpoint.ts';
import type { ErrorCode } from '../errors.ts';
import { endpoints } from '../routes/index.ts';
import type { Answer, TestApi } from './api.ts';
import { addRole, addSession, type Caller } from './callers.ts';

/** A permission that a route asks for, and the refusal of who doesn't hold it. */
export interface Step {
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
export type Scope = 'own' | 'any';

export interface Route extends Readonly<Partial<Record<Scope, readonly Step[]>>> {
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
export const EMPTY_ROLE = 'matrix_empty';
/** The same, for grants beside it. */
export const GRANTED_ROLE = 'matrix_granted';
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
export const ROUTES: Readonly<Record<string, Route>> = {
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

export const operationOf = (name: string) => name.split(' ', 1)[0] ?? name;
export const endpointOf = (name: string) => {
  const endpoint = endpoints.find(({ operationId }) => operationId === operationOf(name));
  if (endpoint === undefined) throw new Error(`there is no operation ${name}`);
  return endpoint;
};

/** The roles of {@link ROUTES}; before anything else. */
export async function addRouteRoles(api: TestApi): Promise<void> {
  await api.db.withTx(async (tx) => {
    for (const name of [EMPTY_ROLE, GRANTED_ROLE]) await addRole(tx, name, []);
  });
}

export interface RouteRequest {
  readonly route: Route;
  readonly endpoint: Endpoint;
  readonly id: string;
  readonly credential: Caller['credential'];
  /** Instead of the route's own. */
  readonly query?: string;
}

export function send(
  api: TestApi,
  { route, endpoint, id, credential, query }: RouteRequest,
): Promise<Answer> {
  // A resource below another brings the rest of its path.
  const path = endpoint.path.replace(/:\w+(?:\/.*:\w+)?/, id) + (query ?? route.query ?? '');
  const options = { ...credential, ...(route.body !== undefined && { body: route.body(id) }) };
  return api.call(endpoint.method.toUpperCase(), path, options);
}
