import { auditLogs, idempotencyKeys, sessions, users } from '@sv-sdk/db';
import { eq, like, sql } from 'drizzle-orm';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ApiError } from '../errors.ts';
import { createOpenApiDocument } from '../openapi.ts';
import { endpoints } from '../routes/index.ts';
import { type CallOptions, PASSWORD, startTestApi, type TestApi } from '../testing/api.ts';
import { type Endpoint, itemEndpoint } from './endpoint.ts';
import { createIdempotency } from './idempotency.ts';

const USERS = '/api/v1/users';
const LOGIN = '/api/v1/auth/login';
const ADA = { email: 'ada@example.org', name: 'Ada' };

const newKey = () => crypto.randomUUID();
const withKey = (key: string, options: CallOptions = {}): CallOptions => ({
  ...options,
  headers: { ...options.headers, 'idempotency-key': key },
});
const isReplayed = ({ headers }: { headers: Headers }) => headers.get('idempotency-replayed') === 'true';

async function usersNamed(api: TestApi, name: string) {
  return api.db.write().select().from(users).where(eq(users.name, name));
}
const auditOf = (api: TestApi, eventType: string) =>
  api.db.write().select().from(auditLogs).where(eq(auditLogs.eventType, eventType));

/** Inserts a user of the body's name, then does what the test wants. `wrap`: as libraries do with our errors. */
function actingEndpoint(act: () => Promise<void>, wrap?: (error: unknown) => never): Endpoint {
  return itemEndpoint({
    method: 'post',
    path: '/api/v1/test/act',
    operationId: 'act',
    summary: 'Acts',
    tag: 'test',
    access: 'public',
    body: z.strictObject({ name: z.string() }),
    status: 201,
    data: z.strictObject({ id: z.string() }),
    errors: ['NOT_FOUND', 'AUTHENTICATION_ERROR', 'PERMISSION_DENIED', 'ACCOUNT_LOCKED'],
    async handle({ withTx, body }) {
      const inserted = withTx(async (tx, audit) => {
        const [row] = await tx
          .insert(users)
          .values({ email: `${crypto.randomUUID()}@example.org`, name: body.name })
          .returning();
        await audit('test.acted');
        return row?.id ?? '';
      });
      const id = await (wrap === undefined ? inserted : inserted.catch(wrap));
      await act();
      return { id };
    },
  });
}

const act = (api: TestApi, key: string, name = 'Ada') =>
  api.call('POST', '/api/v1/test/act', withKey(key, { body: { name } }));

/** Meta is the last field of every envelope. */
const withoutMeta = (text: string) => text.slice(0, text.indexOf(',"meta":'));

describe('a request that is sent again', () => {
  test('gets the first answer byte for byte, but for its meta, and nothing is done twice', async () => {
    const api = await startTestApi();
    const { token } = await api.addCaller('admin');
    const key = newKey();
    const send = async () => {
      const response = await fetch(api.url + USERS, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'idempotency-key': key,
        },
        body: JSON.stringify(ADA),
      });
      return { status: response.status, headers: response.headers, text: await response.text() };
    };
    const first = await send();
    const again = [await send(), await send()];
    expect(first.status).toBe(201);
    expect(isReplayed(first)).toBe(false);
    for (const repeated of again) {
      expect(repeated.status).toBe(201);
      expect(withoutMeta(repeated.text)).toBe(withoutMeta(first.text));
      expect(isReplayed(repeated)).toBe(true);
      const { requestId } = JSON.parse(repeated.text).meta;
      expect(requestId).toBe(repeated.headers.get('x-request-id'));
      expect(requestId).not.toBe(first.headers.get('x-request-id'));
    }
    expect(await usersNamed(api, 'Ada')).toHaveLength(1);
    expect(await auditOf(api, 'user.created')).toHaveLength(1);
  });

  test('is the same whatever order its fields come in', async () => {
    const api = await startTestApi({ more: [actingEndpoint(async () => {})] });
    const key = newKey();
    const { token } = await api.addCaller('admin');
    const created = await api.call('POST', USERS, withKey(key, { token, body: ADA }));
    const { email, name } = ADA;
    const again = await api.call('POST', USERS, withKey(key, { token, body: { name, email } }));
    expect(isReplayed(again)).toBe(true);
    expect(again.body.data).toEqual(created.body.data);
  });

  test.each([
    ['another body', USERS, { ...ADA, name: 'Bea' }],
    ['another query', `${USERS}?a=1`, ADA],
    ['another route', '/api/v1/permissions/check', { permission: 'read:own:user' }],
  ])('is refused with %s, and changes nothing', async (_what, path, body) => {
    const api = await startTestApi();
    const { token } = await api.addCaller('admin');
    const key = newKey();
    await api.call('POST', USERS, withKey(key, { token, body: ADA }));
    const other = await api.call('POST', path, withKey(key, { token, body }));
    expect(other).toMatchObject({
      status: 409,
      body: { error: { code: 'CONSTRAINT_VIOLATION', field: 'Idempotency-Key' } },
    });
    expect(isReplayed(other)).toBe(false);
    expect(await usersNamed(api, 'Bea')).toEqual([]);
    expect(isReplayed(await api.call('POST', USERS, withKey(key, { token, body: ADA })))).toBe(true);
  });

  test('does what it says where the first was not kept, or has expired', async () => {
    const api = await startTestApi({ more: [actingEndpoint(async () => {})] });
    const key = newKey();
    const first = await act(api, key);
    await api.db.write().update(idempotencyKeys).set({ expiresAt: sql`now() - interval '1 second'` });
    const second = await act(api, key, 'Bea');
    expect(isReplayed(second)).toBe(false);
    expect(second.body.data.id).not.toBe(first.body.data.id);
    expect((await act(api, key, 'Bea')).body.data).toEqual(second.body.data);
    const [row, ...more] = await api.db.write().select().from(idempotencyKeys);
    expect(more).toEqual([]);
    const hours = (Number(row?.expiresAt) - Date.now()) / 3_600_000;
    expect(hours).toBeGreaterThan(23.9);
    expect(hours).toBeLessThan(24.1);
  });

  test('is answered from memory of an act that needed no transaction, too', async () => {
    const api = await startTestApi();
    const { token } = await api.addCaller('user');
    const options = withKey(newKey(), { token, body: { permission: 'read:own:user' } });
    const first = await api.call('POST', '/api/v1/permissions/check', options);
    const again = await api.call('POST', '/api/v1/permissions/check', options);
    expect([isReplayed(first), isReplayed(again)]).toEqual([false, true]);
    expect(again.body.data).toEqual(first.body.data);
  });

  test('gets the session that the first login made, with its cookie', async () => {
    const api = await startTestApi();
    const { email } = await api.addUser();
    const options = withKey(newKey(), { body: { email, password: PASSWORD } });
    const first = await api.call('POST', LOGIN, options);
    const again = await api.call('POST', LOGIN, options);
    expect(first.status).toBe(200);
    expect(isReplayed(again)).toBe(true);
    expect(again.body.data).toEqual(first.body.data);
    expect(first.headers.getSetCookie()).not.toEqual([]);
    expect(again.headers.getSetCookie()).toEqual(first.headers.getSetCookie());
    expect(await api.db.write().select().from(sessions)).toHaveLength(1);
  });
});

describe('a key', () => {
  test.each([
    ['is empty', ''],
    ['has 256 characters', 'k'.repeat(256)],
    ['has a space', 'one two'],
    ['is not ASCII', 'schlüssel'],
    ['has a control character', 'tab\there'],
  ])('that %s is refused by name', async (_why, key) => {
    const api = await startTestApi();
    const { token } = await api.addCaller('admin');
    const answer = await api.call('POST', USERS, withKey(key, { token, body: ADA }));
    expect(answer).toMatchObject({
      status: 400,
      body: { error: { code: 'VALIDATION_ERROR', field: 'Idempotency-Key' } },
    });
    expect(await usersNamed(api, 'Ada')).toEqual([]);
  });

  test('that was given twice is refused', async () => {
    const api = await startTestApi();
    const { token } = await api.addCaller('admin');
    const headers = new Headers({ authorization: `Bearer ${token}`, 'content-type': 'application/json' });
    headers.append('idempotency-key', 'one');
    headers.append('idempotency-key', 'two');
    const response = await fetch(api.url + USERS, { method: 'POST', headers, body: JSON.stringify(ADA) });
    expect(response.status).toBe(400);
  });

  test('of 255 characters, and of the strangest that there may be, is taken', async () => {
    const api = await startTestApi({ more: [actingEndpoint(async () => {})] });
    for (const key of ['k'.repeat(255), `!"#$%&'()*+,-./:;<=>?@[\\]^_\`{|}~`]) {
      expect((await act(api, key)).status).toBe(201);
      expect(isReplayed(await act(api, key))).toBe(true);
    }
  });

  test('is the caller’s own: another user, a key of the same user and nobody in particular have others', async () => {
    const api = await startTestApi();
    const [ada, bob] = [await api.addCaller('admin'), await api.addCaller('admin')];
    const made = await api.call('POST', '/api/v1/auth/api-keys', { token: ada.token, body: { name: 'ci' } });
    const { key: apiKey } = made.body.data;
    const key = newKey();
    const check = (credential: CallOptions) =>
      api.call('POST', '/api/v1/permissions/check', {
        ...withKey(key, credential),
        body: { permission: 'read:own:user' },
      });
    for (const credential of [{ token: ada.token }, { token: bob.token }, { apiKey }]) {
      expect(isReplayed(await check(credential))).toBe(false);
      expect(isReplayed(await check(credential))).toBe(true);
    }
    const { email } = bob.user;
    const login = await api.call('POST', LOGIN, withKey(key, { body: { email, password: PASSWORD } }));
    expect(login.status).toBe(200);
    expect(isReplayed(login)).toBe(false);
    // A new session of the same user is the same caller.
    expect(isReplayed(await check({ token: login.body.data.token }))).toBe(true);
  });
});

describe('many at once with one key', () => {
  test('a hundred through two instances make one user, and all get the one answer', async () => {
    const one = await startTestApi();
    const two = await startTestApi({ like: one });
    const { token } = await one.addCaller('admin');
    const options = withKey(newKey(), { token, body: { ...ADA, password: PASSWORD } });
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? one : two).call('POST', USERS, options)),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(100).fill(201));
    expect(new Set(answers.map(({ body }) => body.data.id)).size).toBe(1);
    expect(answers.filter((answer) => !isReplayed(answer))).toHaveLength(1);
    expect(await usersNamed(one, 'Ada')).toHaveLength(1);
    expect(await auditOf(one, 'user.created')).toHaveLength(1);
  });

  test('twenty logins through two instances make one session', async () => {
    const one = await startTestApi();
    const two = await startTestApi({ like: one });
    const { email } = await one.addUser();
    const options = withKey(newKey(), { body: { email, password: PASSWORD } });
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? one : two).call('POST', LOGIN, options)),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(new Set(answers.map(({ body }) => body.data.token)).size).toBe(1);
    expect(await one.db.write().select().from(sessions)).toHaveLength(1);
  });

  /** Until it is released, the first request is in its transaction. */
  function pause() {
    const [entered, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const endpoint = actingEndpoint(async () => {
      entered.resolve();
      await released.promise;
    });
    return { endpoint, entered: entered.promise, release: released.resolve };
  }

  test('a hundred in one instance hold one connection, and others are served meanwhile', async () => {
    const { endpoint, entered, release } = pause();
    const api = await startTestApi({ more: [endpoint] });
    const { token } = await api.addCaller('admin');
    const key = newKey();
    const twins = Array.from({ length: 100 }, () => act(api, key));
    await entered;
    expect((await api.call('GET', USERS, { token })).status).toBe(200);
    const { values } = (await api.registry.getSingleMetric('sv_db_pool_connections')?.get()) ?? {
      values: [],
    };
    expect(values.find(({ labels }) => labels['state'] === 'in_use')?.value).toBe(1);
    release();
    expect(new Set((await Promise.all(twins)).map(({ body }) => body.data.id)).size).toBe(1);
  });

  test('the twin in another instance waits for the first, and does nothing itself', async () => {
    const { endpoint, entered, release } = pause();
    let acts = 0;
    const other = actingEndpoint(
      async () => {
        acts += 1;
      },
      () => {
        throw new ApiError('AUTHENTICATION_ERROR', 'Something went wrong in here.');
      },
    );
    const one = await startTestApi({ more: [endpoint] });
    const two = await startTestApi({ like: one, more: [other] });
    const key = newKey();
    const first = act(one, key);
    await entered;
    const twin = act(two, key);
    await expect
      .poll(async () => {
        const waiting = sql`select 1 from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`;
        return (await one.db.write().execute(waiting)).rows.length;
      })
      .toBe(1);
    release();
    expect((await twin).body.data).toEqual((await first).body.data);
    expect(isReplayed(await twin)).toBe(true);
    expect(acts).toBe(0);
    expect(await usersNamed(one, 'Ada')).toHaveLength(1);
  });
});

describe('a failure', () => {
  test('of the connection leaves nothing behind, and the same key works afterwards', async () => {
    let kill: (() => Promise<void>) | undefined;
    const api = await startTestApi({ more: [actingEndpoint(async () => kill?.())] });
    const killer = new pg.Client({ connectionString: api.database.adminUrl });
    await killer.connect();
    kill = async () => {
      await killer.query(`select pg_terminate_backend(pid, 5000) from pg_stat_activity
        where datname = current_database() and state = 'idle in transaction'`);
    };
    const key = newKey();
    const cut = await act(api, key);
    await killer.end();
    expect(cut).toMatchObject({ status: 503, body: { error: { code: 'SERVICE_UNAVAILABLE' } } });
    expect(await usersNamed(api, 'Ada')).toEqual([]);
    expect(await auditOf(api, 'test.acted')).toEqual([]);
    expect(await api.db.write().select().from(idempotencyKeys)).toEqual([]);

    kill = undefined;
    const retried = await act(api, key);
    expect(retried.status).toBe(201);
    expect(isReplayed(retried)).toBe(false);
    expect(await usersNamed(api, 'Ada')).toHaveLength(1);
  });

  test.each(['NOT_FOUND', 'PERMISSION_DENIED', 'CONSTRAINT_VIOLATION'] as const)(
    'with %s is kept, undoes what was done, and leaves one record',
    async (code) => {
      let mayFail = true;
      const api = await startTestApi({
        more: [
          actingEndpoint(async () => {
            if (mayFail) throw new ApiError(code, 'Not today.', { field: 'name' });
          }),
        ],
      });
      const key = newKey();
      const first = await act(api, key);
      mayFail = false;
      const again = await act(api, key);
      expect(again.status).toBe(first.status);
      expect(again.body.error).toEqual({ code, message: 'Not today.', field: 'name' });
      expect([isReplayed(first), isReplayed(again)]).toEqual([false, true]);
      expect(await usersNamed(api, 'Ada')).toEqual([]);
      expect(await auditOf(api, 'access.refused')).toHaveLength(code === 'CONSTRAINT_VIOLATION' ? 0 : 1);
    },
  );

  test.each(['VALIDATION_ERROR', 'AUTHENTICATION_ERROR', 'ACCOUNT_LOCKED', 'INTERNAL_ERROR'] as const)(
    'with %s is not kept: the same request, sent again, may succeed',
    async (code) => {
      let mayFail = true;
      const api = await startTestApi({
        more: [
          actingEndpoint(async () => {
            if (mayFail) throw new ApiError(code, 'Not today.');
          }),
        ],
      });
      const key = newKey();
      expect((await act(api, key)).body.error.code).toBe(code);
      expect(await usersNamed(api, 'Ada')).toEqual([]);
      mayFail = false;
      const again = await act(api, key);
      expect(again.status).toBe(201);
      expect(isReplayed(again)).toBe(false);
    },
  );

  test('of the input is not kept: the key is free for the mended request', async () => {
    const api = await startTestApi();
    const { token } = await api.addCaller('admin');
    const key = newKey();
    const broken = await api.call('POST', USERS, withKey(key, { token, body: { ...ADA, email: 'nobody' } }));
    expect(broken.status).toBe(400);
    expect((await api.call('POST', USERS, withKey(key, { token, body: ADA }))).status).toBe(201);
  });

  test('to keep the answer undoes what was done', async () => {
    const api = await startTestApi({ more: [actingEndpoint(async () => {})] });
    const owner = new pg.Client({ connectionString: api.database.adminUrl });
    await owner.connect();
    await owner.query('revoke update on auth.idempotency_keys from sv_app');
    expect((await act(api, newKey())).body.error.code).toBe('DATABASE_ERROR');
    expect(await usersNamed(api, 'Ada')).toEqual([]);
    await owner.end();
  });
});

describe('in the table', () => {
  test('neither the answer nor what was sent can be read', async () => {
    const api = await startTestApi();
    const { user, token } = await api.addCaller('admin');
    const made = await api.call(
      'POST',
      '/api/v1/auth/api-keys',
      withKey(newKey(), { token, body: { name: 'continuous integration' } }),
    );
    const login = { email: user.email, password: PASSWORD };
    const signedIn = await api.call('POST', LOGIN, withKey(newKey(), { body: login }));
    const rows = await api.db.write().select().from(idempotencyKeys);
    expect(rows.map(({ status }) => status).toSorted()).toEqual([200, 201]);
    const readable = rows.map(({ answer, requestHash }) => `${answer?.toString('latin1')} ${requestHash}`);
    const secrets = [made.body.data.key, signedIn.body.data.token, 'continuous integration', user.email];
    for (const secret of [...secrets, PASSWORD, 'success']) expect(readable.join()).not.toContain(secret);
  });

  test('what was sent is hashed with a key: a thief cannot try passwords until the hash fits', async () => {
    const { db } = await startTestApi();
    const request = { principal: undefined, method: 'POST', url: LOGIN, body: { password: PASSWORD } };
    const answer = { status: 200, cookies: [], content: {} };
    for (const key of ['one', 'two']) {
      const idempotency = createIdempotency({ db, secrets: [`the secret of ${key}`] });
      await idempotency.answer(
        { ...request, key },
        async () => answer,
        async () => {},
      );
    }
    const [one, two] = await db.write().select().from(idempotencyKeys);
    expect(one?.requestHash).toMatch(/^[0-9a-f]{64}$/);
    expect(one?.requestHash).not.toBe(two?.requestHash);
  });

  test('an answer from before the key was changed is given out, by those who know the new key and by those who use it', async () => {
    const { db } = await startTestApi();
    const [old, current] = ['the secret of yesterday', 'the secret of today'];
    const request = { principal: undefined, method: 'POST', url: LOGIN, body: { password: PASSWORD } };
    const answer = { status: 200, cookies: ['a=b'], content: { said: 'once' } };
    const ask = (secrets: readonly [string, ...string[]], key: string) =>
      createIdempotency({ db, secrets }).answer(
        { ...request, key },
        async () => answer,
        async () => {},
      );
    // In the order in which `make rotate` changes the instances, and one that is not changed yet.
    for (const [writer, reader] of [
      [[old], [old, current]],
      [
        [old, current],
        [current, old],
      ],
      [
        [current, old],
        [old, current],
      ],
    ] as const) {
      const key = JSON.stringify([writer, reader]).replaceAll(' ', '-');
      expect(await ask(writer, key)).toMatchObject({ isReplayed: false });
      expect(await ask(reader, key)).toEqual({ answer, isReplayed: true });
    }
  });

  test('an answer that was put under another key is not given out', async () => {
    const api = await startTestApi({ more: [actingEndpoint(async () => {})] });
    await act(api, 'mine', 'Ada');
    await act(api, 'theirs', 'Bea');
    const theirs = sql`(select answer from auth.idempotency_keys where key = 'theirs')`;
    await api.db
      .write()
      .update(idempotencyKeys)
      .set({ answer: theirs })
      .where(like(idempotencyKeys.key, 'mine'));
    expect((await act(api, 'mine', 'Ada')).body.error.code).toBe('INTERNAL_ERROR');
  });
});

test('OpenAPI describes the header for every POST, and for nothing else', () => {
  const { paths = {} } = createOpenApiDocument(endpoints, { version: '1', cookieName: 'session' });
  for (const { method, path, operationId } of endpoints) {
    const operation = paths[path.replace(/:(\w+)/g, '{$1}')]?.[method];
    const names = operation?.parameters?.map((parameter) => ('name' in parameter ? parameter.name : ''));
    expect(names?.includes('Idempotency-Key') ?? false, operationId).toBe(method === 'post');
    if (method === 'post') expect(Object.keys(operation?.responses ?? {})).toContain('409');
  }
});
