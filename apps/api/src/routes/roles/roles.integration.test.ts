import { roles } from '@sv-sdk/db';
import { expect, test } from 'vitest';
import { startTestApi } from '../../testing/api.ts';

test('who may read roles sees them all, by pages', async () => {
  const api = await startTestApi();
  const { token } = await api.addCaller('manager');
  const total = (await api.db.write().select().from(roles)).length;
  const first = await api.call('GET', '/api/v1/roles?pageSize=3', { token });
  const second = await api.call('GET', '/api/v1/roles?pageSize=3&page=2', { token });
  const names = [...first.body.data, ...second.body.data].map(({ name }: { name: string }) => name);
  expect(first.body.pagination).toMatchObject({ totalCount: total, hasNextPage: true, nextCursor: null });
  expect(new Set(names).size).toBe(Math.min(total, 6));
  const all = await api.call('GET', '/api/v1/roles', { token });
  expect(all.body.data).toContainEqual(
    expect.objectContaining({ name: 'super_admin', permissions: ['*:*:*'], isSystem: true }),
  );
});

test('who may not is refused', async () => {
  const api = await startTestApi();
  const { token } = await api.addCaller('user');
  expect(await api.call('GET', '/api/v1/roles', { token })).toMatchObject({
    status: 403,
    body: { error: { code: 'PERMISSION_DENIED' } },
  });
});
