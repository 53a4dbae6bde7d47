import { ApiFailure, createClient } from '@sv-sdk/client';
import { users } from '@sv-sdk/db';
import { eq } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { PASSWORD, startTestApi } from './testing/api.ts';

test('signing in, making a user, reading it, being refused: typed, out of the envelope', async () => {
  const api = await startTestApi();
  const admin = await api.addUser({ role: 'super_admin' });
  const stranger = createClient({ baseUrl: api.url });
  const { data: login } = await stranger.post('/api/v1/auth/login', {
    body: { email: admin.email, password: PASSWORD },
  });
  const client = createClient({ baseUrl: api.url, token: login.token });
  const body = { email: 'ada@example.org', name: 'Ada' };
  const { data: created, meta, status } = await client.post('/api/v1/users', { body });
  expect({ ...body, status }).toEqual({ email: created.email, name: created.name, status: 201 });
  expect(meta.requestId).toMatch(/\S{8}/);

  const refused = await client.post('/api/v1/users', { body }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ApiFailure);
  expect(refused).toMatchObject({ code: 'CONSTRAINT_VIOLATION', status: 409, field: 'email' });
  await expect(stranger.get('/api/v1/users')).rejects.toMatchObject({ code: 'AUTHENTICATION_ERROR' });
});

test('a POST whose answer was lost on its way is done once, and answered with the first answer', async () => {
  const api = await startTestApi();
  const { token } = await api.addCaller('super_admin');
  let lost = 0;
  const client = createClient({
    baseUrl: api.url,
    token,
    fetch: async (request) => {
      const response = await fetch(request);
      if (lost > 0) return response;
      lost += 1;
      throw new TypeError('fetch failed', { cause: new Error('the connection broke behind the answer') });
    },
  });
  const { data } = await client.post('/api/v1/users', { body: { email: 'once@example.org', name: 'Once' } });
  expect(lost).toBe(1);
  const rows = await api.db.write().select().from(users).where(eq(users.email, 'once@example.org'));
  expect(rows.map(({ id }) => id)).toEqual([data.id]);
});

test('every user of every page, each once, while users are made', async () => {
  const api = await startTestApi();
  const { token } = await api.addCaller('super_admin');
  const made = await Promise.all(Array.from({ length: 7 }, () => api.addUser()));
  const client = createClient({ baseUrl: api.url, token });
  const seen: string[] = [];
  for await (const { id } of client.paginate('/api/v1/users', { params: { query: { pageSize: 2 } } })) {
    seen.push(id);
    if (seen.length === 3) await api.addUser();
  }
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen).toEqual(expect.arrayContaining(made.map(({ id }) => id)));
});

test('an export comes as a stream, and its refusal as a failure', async () => {
  const api = await startTestApi();
  const { token } = await api.addCaller('super_admin');
  const init = { params: { query: { format: 'csv' } } } as const;
  const response = await createClient({ baseUrl: api.url, token }).stream('/api/v1/audit/export', init);
  expect(response.headers.get('content-type')).toContain('text/csv');
  expect((await response.text()).split('\n').length).toBeGreaterThan(1);
  await expect(createClient({ baseUrl: api.url }).stream('/api/v1/audit/export', init)).rejects.toMatchObject(
    {
      code: 'AUTHENTICATION_ERROR',
    },
  );
});
