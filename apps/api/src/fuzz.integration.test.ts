/**
 * Thousands of requests made from the OpenAPI document: valid by their schemas, or with something wrong in one
 * place, with random headers, by several callers. Whatever is sent, the answer is never a 5xx, is what the document
 * says of it, tells nothing of the inside, and a refusal changes no row.
 *
 * FUZZ_SEED (a number, or `random`) and FUZZ_RUNS (requests an operation) choose another run; the seed stands in
 * the names of the tests, and a failure prints what repeats it.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { createApiKey, hashPassword, issueVerification, setPassword } from '@sv-sdk/auth';
import { emailSends, emailTemplates, roles, users } from '@sv-sdk/db';
import { addSuppressions } from '@sv-sdk/email';
import { grantRole } from '@sv-sdk/permissions';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { eq } from 'drizzle-orm';
import fc, { type Arbitrary } from 'fast-check';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Endpoint } from './endpoint/endpoint.ts';
import { createOpenApiDocument } from './openapi.ts';
import { endpoints } from './routes/index.ts';
import { PASSWORD, startTestApi, type TestApi } from './testing/api.ts';
import { addCredential, addRole, addSession, addUserWithRole } from './testing/callers.ts';
import { type ChangeLog, startChangeLog } from './testing/change-log.ts';
import { type Json, type JsonSchema, mutated, NASTY_TEXTS, valuesOf } from './testing/json-schema.ts';
import { createSender, type RawAnswer, type RawRequest } from './testing/raw-request.ts';

const DEFAULT_SEED = 20_260_101;
const given = process.env['FUZZ_SEED'];
const seed = given === 'random' ? Math.trunc(Math.random() * 2 ** 31) : Number(given ?? DEFAULT_SEED);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 200);
/** Hashing a password takes longest, on a machine that has other things to do; a hang takes for ever. */
const ANSWER_LIMIT_SECONDS = 10;

const document = createOpenApiDocument(endpoints, { version: 'test', cookieName: 'session' });
const components = document.components?.schemas as Record<string, JsonSchema>;

let api: TestApi;
let changes: ChangeLog;
let sender: ReturnType<typeof createSender>;
let world: World;
const closing: (() => Promise<void> | void)[] = [];
beforeAll(async () => {
  api = await startTestApi({ atEnd: (close) => closing.unshift(close) });
  changes = await startChangeLog(api.database.adminUrl);
  closing.unshift(() => changes.close());
  sender = createSender(api.url, ANSWER_LIMIT_SECONDS);
  closing.unshift(() => sender.close());
  await api.db.withTx((tx) => addRole(tx, EMPTY_ROLE, []));
  world = await makeWorld();
  await changes.take();
});
afterAll(async () => {
  for (const close of closing) await close();
});

const EMPTY_ROLE = 'fuzz_empty';
const passwordHash = hashPassword(PASSWORD);
const MJML =
  '<mjml><mj-body><mj-section><mj-column><mj-text>Hi</mj-text></mj-column></mj-section></mj-body></mjml>';

/** What exists and may be spoken of: a request says `KNOWN_user`, and the id stands there when it is sent. */
type World = Readonly<Record<string, string>>;

/** A generation of callers and of what is theirs; after a change, which may have ended them, comes the next. */
async function makeWorld(): Promise<World> {
  const login = await api.addUser({ role: EMPTY_ROLE });
  return api.db.withTx(async (tx) => {
    const [admin, user, other] = [
      await addUserWithRole(tx, 'super_admin'),
      await addUserWithRole(tx, 'user'),
      await addUserWithRole(tx, EMPTY_ROLE),
    ];
    const tokenOf = async (userId: string) =>
      (await addCredential(tx, userId, 'bearer', { cookieName: '' })).token ?? '';
    const keyOf = (userId: string) => createApiKey(tx, { userId, name: 'k', scopes: null, expiresAt: null });
    const [role] = await tx
      .insert(roles)
      .values({ name: `fuzz_${uuidv7().replaceAll('-', '')}`, permissions: [] })
      .returning();
    const granted = await addRole(tx, `fuzz_${uuidv7().replaceAll('-', '')}`, []);
    await grantRole(tx, { userId: other, role: granted, grantedBy: null });
    const [grant] = await tx.select().from(roles).where(eq(roles.name, granted));
    for (const userId of [admin, user]) await setPassword(tx, userId, await passwordHash);
    const [email] = await tx
      .insert(emailSends)
      .values({ requestedBy: user, recipient: 'a@example.org', template: 'notification', variables: {} })
      .returning();
    const [template] = await tx
      .insert(emailTemplates)
      .values({
        name: `fuzz_${uuidv7().replaceAll('-', '')}`,
        subject: 'S',
        mjml: MJML,
        html: '<p>H</p>',
        variables: [],
      })
      .returning();
    const [failedEmail] = await tx
      .insert(emailSends)
      .values({ recipient: 'a@example.org', template: 'notification', variables: {}, status: 'failed' })
      .returning();
    const [suppression] = await addSuppressions(tx, [{ email: `${uuidv7()}@example.org`, reason: 'manual' }]);
    const [row] = await tx.select().from(users).where(eq(users.id, other));
    if (!role || !email || !template || !failedEmail || !suppression || !row || !grant)
      throw new Error('nothing was inserted');
    return {
      adminToken: await tokenOf(admin),
      userToken: await tokenOf(user),
      adminKey: (await keyOf(admin)).key,
      admin,
      user,
      other,
      address: login.email,
      role: role.id,
      grantedRole: grant.id,
      roleName: role.name,
      email: email.id,
      emailTemplate: template.id,
      failedEmail: failedEmail.id,
      suppression: suppression.id,
      adminSession: (await addSession(tx, admin)).id,
      userSession: (await addSession(tx, user)).id,
      adminApiKey: (await keyOf(admin)).row.id,
      userApiKey: (await keyOf(user)).row.id,
      verifyToken: await issueVerification(tx, 'verify_email', row),
      resetToken: await issueVerification(tx, 'reset_password', row),
    };
  });
}

const known = (...names: readonly string[]) => fc.constantFrom(...names.map((name) => `KNOWN_${name}`));
const permission = fc.constantFrom('read:any:user', 'read:own:user', '*:*:*', 'read:any:role');

/** For properties of bodies and queries. */
const KNOWN: Readonly<Record<string, Arbitrary<Json>>> = {
  userId: known('admin', 'user', 'other'),
  roleId: known('role', 'grantedRole'),
  role: fc.oneof(known('roleName'), fc.constantFrom('user', 'admin', EMPTY_ROLE)),
  email: known('address'),
  password: fc.constant(PASSWORD),
  currentPassword: fc.constant(PASSWORD),
  newPassword: fc.constant(PASSWORD),
  permission,
  permissions: fc.array(permission, { minLength: 1, maxLength: 3 }),
  scopes: fc.array(permission, { minLength: 1, maxLength: 3 }),
  expiresAt: fc.constant('2099-01-01T00:00:00Z'),
  template: fc.constant('notification'),
  // Values of an email, names of a template.
  variables: fc.constantFrom<Json>({ name: 'Ada', title: 'T', message: 'M' }, []),
  mjml: fc.constant(MJML),
  subject: fc.constant('S'),
  token: known('verifyToken', 'resetToken'),
  sendAt: fc.constant('2099-01-01T00:00:00Z'),
  attachments: fc.constantFrom<Json>(
    [],
    [{ filename: 'a.txt', contentType: 'text/plain', content: 'aGVsbG8=' }],
  ),
};

/** For `:id`, by what stands before it. */
const KNOWN_IDS: Readonly<Record<string, Arbitrary<string>>> = {
  users: known('admin', 'user', 'other'),
  roles: known('role', 'grantedRole'),
  emails: known('email', 'failedEmail'),
  templates: known('emailTemplate'),
  suppressions: known('suppression'),
  sessions: known('adminSession', 'userSession'),
  'api-keys': known('adminApiKey', 'userApiKey'),
};

/** Each byte of a text, so that anything can stand in a URL. */
const percentEncoded = (text: string) => Buffer.from(text).toString('hex').replace(/../g, '%$&');
const RAW_SEGMENTS = [
  '%',
  '%zz',
  '%00',
  '%c3%28',
  '%2e%2e%2f',
  '.',
  ';a=b',
  'x'.repeat(8_000),
  '%f0%9f%92%a9',
];
const rawTexts = fc.oneof(
  fc.constantFrom(...NASTY_TEXTS.map(percentEncoded)),
  fc.constantFrom(...RAW_SEGMENTS),
  fc.string({ maxLength: 30 }).map(percentEncoded),
);

type Caller = 'admin' | 'admin key' | 'user' | 'nobody';
interface FuzzRequest extends RawRequest {
  readonly caller: Caller;
}

const ODD_HEADERS: readonly Record<string, string>[] = [
  { accept: 'text/html' },
  { 'accept-encoding': 'gzip, br' },
  { 'x-request-id': 'a b' },
  { 'x-request-id': 'x'.repeat(200) },
  { origin: 'https://evil.example' },
  { origin: 'null' },
  { cookie: 'session=%00; ;;=; a' },
  { 'x-forwarded-for': "'; drop table auth.users; --" },
  { 'user-agent': 'x'.repeat(4_000) },
  { 'user-agent': 'a\u00ffb' },
  { 'idempotency-key': '' },
  { 'idempotency-key': 'x'.repeat(300) },
  { 'idempotency-key': 'the-same-one' },
  { 'if-none-match': '*' },
  { range: 'bytes=0-1' },
  { expect: 'nothing' },
  { 'x-http-method-override': 'DELETE' },
];
const CONTENT_TYPES = [
  'text/plain',
  'application/xml',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/json; charset=utf-16',
  'application/json; charset=nonsense',
  'application/vnd.api+json',
  ';',
  'application/json/json',
];
const headers: Arbitrary<Record<string, string>> = fc
  .tuple(
    fc.oneof({ weight: 12, arbitrary: fc.constant('application/json') }, fc.constantFrom(...CONTENT_TYPES)),
    fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, fc.constantFrom(...ODD_HEADERS)),
    fc.constantFrom({}, {}, {}, {}, {}, {}, { 'content-encoding': 'gzip' }),
  )
  .map(([type, odd, encoding]) => ({ 'content-type': type, ...odd, ...encoding }));

const RAW_BODIES: readonly (string | Buffer)[] = [
  '',
  '{',
  'null',
  '[]',
  '"text"',
  '1e999',
  '{"a":1,"a":2}',
  '{"__proto__":{"isAdmin":true}}',
  '\ufeff{}',
  '['.repeat(20_000),
  `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`,
  Buffer.from([0xff, 0xfe, 0x00]),
  Buffer.from('{"email":"\xff"}', 'latin1'),
  `{"name":"${'x'.repeat(1_100_000)}"}`,
];

interface Parameter {
  readonly in: string;
  readonly name: string;
  readonly required?: boolean;
  readonly schema: JsonSchema;
}

/** Requests to one operation, most of them nearly right. */
function requestsTo(endpoint: Endpoint): Arbitrary<FuzzRequest> {
  const path = endpoint.path.replace(/:(\w+)/g, '{$1}');
  const operation = document.paths?.[path]?.[endpoint.method];
  const parameters = (operation?.parameters ?? []) as unknown as Parameter[];
  const bodySchema = (
    operation?.requestBody as { content: Record<string, { schema: JsonSchema }> } | undefined
  )?.content['application/json']?.schema;
  const source = { components, known: KNOWN };

  const segments = path.split('/').map((segment, index, all) => {
    const name = /^\{(\w+)\}$/.exec(segment)?.[1];
    if (name === undefined) return fc.constant(segment);
    const schema = parameters.find((parameter) => parameter.in === 'path' && parameter.name === name)?.schema;
    const ids = KNOWN_IDS[all[index - 1] ?? ''];
    if (schema === undefined || ids === undefined) throw new Error(`${path}: {${name}} is not known here`);
    return fc.oneof(
      { weight: 12, arbitrary: ids },
      { weight: 2, arbitrary: valuesOf(schema, source).map(String) },
      { weight: 1, arbitrary: rawTexts },
    );
  });
  const pairs = parameters
    .filter((parameter) => parameter.in === 'query')
    .map(({ name, schema }) => {
      const values = valuesOf(schema, source).map((value) => percentEncoded(String(value)));
      const hints = KNOWN[name]?.map(String) ?? values;
      return fc
        .oneof({ weight: 4, arbitrary: values }, { weight: 2, arbitrary: hints }, rawTexts)
        .map((value) => `${name}=${value}`);
    });
  const oddPairs = fc.oneof(
    rawTexts.map((text) => `${text}=1`),
    fc.constantFrom('page[]=1', 'page[a][b]=1', 'page=1&page=2', '__proto__=1', '=', '&&', 'role=x&role=y'),
  );
  const query = fc
    .tuple(
      pairs.length === 0 ? fc.constant([]) : fc.subarray(pairs).chain((some) => fc.tuple(...some)),
      fc.oneof({ weight: 8, arbitrary: fc.constant([]) }, fc.tuple(oddPairs)),
    )
    .map(([usual, odd]) => [...usual, ...odd].join('&'));
  const values = bodySchema === undefined ? undefined : valuesOf(bodySchema, source);
  const body: Arbitrary<string | Buffer | undefined> =
    values === undefined
      ? fc.oneof({ weight: 8, arbitrary: fc.constant(undefined) }, fc.constantFrom(...RAW_BODIES))
      : fc.oneof(
          { weight: 5, arbitrary: values.map((value) => JSON.stringify(value)) },
          { weight: 6, arbitrary: mutated(values).map((value) => JSON.stringify(value)) },
          { weight: 1, arbitrary: fc.constantFrom(undefined, ...RAW_BODIES) },
        );
  return fc.record({
    caller: fc.constantFrom<Caller[]>('admin', 'admin', 'admin', 'admin key', 'user', 'nobody'),
    method: fc.constant(endpoint.method.toUpperCase()),
    path: fc
      .tuple(fc.tuple(...segments), query)
      .map(([all, search]) => `${all.join('/')}${search && `?${search}`}`),
    headers,
    body,
  });
}

function credentialOf(caller: Caller): Record<string, string> {
  switch (caller) {
    case 'admin':
      return { authorization: `Bearer ${world['adminToken']}` };
    case 'user':
      return { authorization: `Bearer ${world['userToken']}` };
    case 'admin key':
      return { 'x-api-key': world['adminKey'] ?? '' };
    case 'nobody':
      return {};
  }
}

const withKnown = (text: string) => text.replace(/KNOWN_(\w+?)(?=\W|$)/g, (all, name) => world[name] ?? all);

function send(request: FuzzRequest): Promise<RawAnswer> {
  const { body } = request;
  return sender.send({
    method: request.method,
    path: withKnown(request.path),
    headers: { ...request.headers, ...credentialOf(request.caller) },
    ...(body !== undefined && { body: typeof body === 'string' ? withKnown(body) : body }),
  });
}

const ajv = new Ajv2020({ strict: false, validateFormats: true });
addFormats.default(ajv);
ajv.addSchema(document as object, 'document');
const validators = new Map<string, ValidateFunction>();

/** By what the document says of this answer of this operation; undefined where it says nothing of it. */
function validatorFor(endpoint: Endpoint, status: number): ValidateFunction | undefined {
  const path = endpoint.path.replace(/:(\w+)/g, '{$1}');
  const responses = document.paths?.[path]?.[endpoint.method]?.responses as
    | Record<string, { content?: Record<string, unknown> }>
    | undefined;
  if (responses?.[status]?.content?.['application/json'] === undefined) return undefined;
  const pointer = [
    'paths',
    path,
    endpoint.method,
    'responses',
    String(status),
    'content',
    'application/json',
    'schema',
  ]
    .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
    .join('/');
  const validator = validators.get(pointer) ?? ajv.compile({ $ref: `document#/${pointer}` });
  validators.set(pointer, validator);
  return validator;
}

/** A stack trace, a source file, a statement, a driver's or a library's own words. */
const INSIDE =
  /\bat .{1,200}:\d+:\d+|\.[cm]?[jt]s\b.{0,3}:\d+|node_modules|node:internal|\b(select|insert into|update|delete from)\b.{1,200}\b(from|where|values|set|returning)\b|syntax error|relation "|violates|duplicate key|ECONN|ZodError|drizzle|SQLSTATE/i;

function checkAnswer(endpoint: Endpoint | undefined, answer: RawAnswer): void {
  const { status, text, headers: received } = answer;
  expect(status, text).toBeLessThan(500);
  expect(received['content-type'], 'a JSON body').toMatch(/^application\/json\b/);
  const body = JSON.parse(text);
  expect(body.meta.requestId).toBe(received['x-request-id']);
  if (status >= 400) {
    expect(body.success).toBe(false);
    expect(text).not.toMatch(INSIDE);
  }
  if (endpoint === undefined) return;
  const isValid = validatorFor(endpoint, status);
  if (isValid === undefined) throw new Error(`${endpoint.operationId} does not document ${status}: ${text}`);
  expect(isValid(body), `${JSON.stringify(isValid.errors)} in ${text}`).toBe(true);
}

/** A path that was bent so far that another route answers, or none, is not this operation's. */
function isOf(endpoint: Endpoint, { path }: RawRequest): boolean {
  const [pathname = ''] = path.split('?', 1);
  return (
    new RegExp(`^${endpoint.path.replace(/:\w+/g, '[^/]+')}$`).test(pathname) &&
    !/\/\.{1,2}(\/|$)/.test(pathname)
  );
}

async function attempt(endpoint: Endpoint, request: FuzzRequest): Promise<number> {
  const answer = await send(request);
  const isStream = endpoint.answers === 'stream' && answer.status < 300;
  if (!isStream) checkAnswer(isOf(endpoint, request) ? endpoint : undefined, answer);
  const changed = await changes.take();
  if (answer.status >= 400) expect(changed, `changed by what was refused: ${answer.text}`).toEqual([]);
  if (changed.length > 0) {
    world = await makeWorld();
    await changes.take();
  }
  return answer.status;
}

test.each(endpoints.map((endpoint) => ({ name: endpoint.operationId, endpoint })))(
  `$name, ${numRuns} requests, seed ${seed}`,
  async ({ endpoint }) => {
    const statuses: number[] = [];
    await fc.assert(
      fc.asyncProperty(requestsTo(endpoint), async (request) => {
        statuses.push(await attempt(endpoint, request));
      }),
      { seed, numRuns },
    );
    // Only refused, or never refused: it would prove little.
    expect(statuses.filter((status) => status < 300).length, 'requests that were accepted').toBeGreaterThan(
      0,
    );
    expect(statuses.filter((status) => status >= 400).length, 'requests that were refused').toBeGreaterThan(
      0,
    );
  },
  300_000,
);

const isError = ajv.compile({ $ref: 'document#/components/schemas/Error' });
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'TRACE', 'PROPFIND', 'SEARCH'];

/** Any method, and paths of pieces of ours. */
const strayRequests: Arbitrary<FuzzRequest> = fc.record({
  caller: fc.constantFrom<Caller[]>('admin', 'user', 'nobody'),
  method: fc.constantFrom(...METHODS),
  path: fc
    .array(
      fc.oneof(
        {
          weight: 4,
          arbitrary: fc.constantFrom(...endpoints.flatMap(({ path }) => path.split('/').slice(1))),
        },
        { weight: 2, arbitrary: fc.oneof(...Object.values(KNOWN_IDS)) },
        { weight: 1, arbitrary: rawTexts },
      ),
      { maxLength: 5 },
    )
    .map((segments) => `/api/v1/${segments.join('/')}`),
  headers,
  body: fc.constantFrom(undefined, '{}', ...RAW_BODIES),
});

test(`any method on any path, ${numRuns * 5} requests, seed ${seed}`, { timeout: 300_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(strayRequests, async (request) => {
      const { status, text } = await send(request);
      expect(status, text).toBeLessThan(500);
      const changed = await changes.take();
      if (changed.length > 0) world = await makeWorld();
      if (status >= 400) {
        expect(changed).toEqual([]);
        expect(text).not.toMatch(INSIDE);
        if (request.method !== 'HEAD') expect(isError(JSON.parse(text)), text).toBe(true);
      }
      await changes.take();
    }),
    { seed, numRuns: numRuns * 5 },
  );
});

// The first one was found here: the answer was out, the body unread, and the connection open until the process ended.
test.each([
  ['an expectation that is not known', 'POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nExpect: nothing\r\n'],
  ['no HTTP', 'nonsense\r\n'],
  ['a method for proxies', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n'],
  ['a wrong credential', 'POST /api/v1/users HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\n'],
  ['no route', 'POST /nowhere HTTP/1.1\r\nHost: a\r\n'],
])('%s with a large body behind it is answered, and holds no connection', async (_what, head) => {
  const { server, url } = await startTestApi();
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => undefined); // Its end may come as a reset, while the body is on its way.
  const body = 'x'.repeat(1_100_000);
  socket.write(`${head}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 4\d\d /);
  expect(answer.toString()).toContain('"success":false');
  socket.destroy();
  await server.close();
});
