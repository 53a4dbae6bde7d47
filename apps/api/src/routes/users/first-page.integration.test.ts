import { describe, expect, test } from 'vitest';
import { PASSWORD, type TestApi } from '../../testing/api.ts';
import { mailedToken } from '../../testing/mails.ts';
import { useTestPlatform } from '../../testing/platform.ts';
import { statementsDuring } from '../../testing/statements.ts';

const platform = useTestPlatform();

const LIST = '/api/v1/users';
const PAGE_SIZE = 20;

/** Two instances of one platform, and an administrator who lists. */
async function startPair() {
  const [one, two = one] = await platform.start(2);
  expect(two).not.toBe(one);
  const { token } = await one.addCaller('super_admin');
  const list = async (api: TestApi, query = '') => {
    const { status, body } = await api.call('GET', LIST + query, { token });
    expect(status).toBe(200);
    return { data: body.data, total: body.pagination.totalCount };
  };
  /** As kept, by either instance, of all and of each role. */
  const firstPages = () =>
    Promise.all(
      ['', '?role=user', '?role=manager'].flatMap((query) => [one, two].map((api) => list(api, query))),
    );
  /** The same out of Postgres: another size of page is not kept. */
  const truth = async () => {
    const pages = await Promise.all(
      ['', '&role=user', '&role=manager'].map((role) => list(one, `?pageSize=100${role}`)),
    );
    return pages.flatMap(({ data, total }) => {
      const page = { data: data.slice(0, PAGE_SIZE), total };
      return [page, page];
    });
  };
  return { one, two, token, list, firstPages, truth };
}

describe('whatever changes a user is seen on the first pages at once, on every instance', () => {
  const email = 'ada@example.org';
  const add = (api: TestApi, given: Parameters<TestApi['addUser']>[0] = {}) =>
    api.addUser({ email, ...given });
  const post = async (api: TestApi, path: string, body: unknown, token?: string) => {
    const { status } = await api.call('POST', path, { body, ...(token !== undefined && { token }) });
    expect(status).toBeLessThan(300);
  };

  test.for<[string, (api: TestApi, token: string) => Promise<() => Promise<unknown>>]>([
    ['made by an administrator', async (api, token) => () => post(api, LIST, { email, name: 'Ada' }, token)],
    [
      'who signs up',
      async (api) => () => post(api, '/api/v1/auth/signup', { email, name: 'Ada', password: PASSWORD }),
    ],
    [
      'who signs in',
      async (api) => {
        const user = await add(api);
        return () => api.signIn(user);
      },
    ],
    ...[{ name: 'Bea' }, { role: 'manager' }, { isActive: false }, { email: 'bea@example.org' }].map(
      (body): [string, (api: TestApi, token: string) => Promise<() => Promise<unknown>>] => [
        `changed by ${JSON.stringify(body)}`,
        async (api, token) => {
          const { id } = await add(api);
          return () => api.call('PATCH', `${LIST}/${id}`, { token, body });
        },
      ],
    ),
    [
      'deleted',
      async (api, token) => {
        const { id } = await add(api);
        return () => api.call('DELETE', `${LIST}/${id}`, { token });
      },
    ],
    [
      'who proves the address',
      async (api) => {
        await add(api, { emailVerified: false });
        await post(api, '/api/v1/auth/send-verification-email', { email });
        const token = await mailedToken(api, email);
        return () => post(api, '/api/v1/auth/verify-email', { token });
      },
    ],
    [
      'who proves it by a new password',
      async (api) => {
        await add(api, { emailVerified: false });
        await post(api, '/api/v1/auth/request-password-reset', { email });
        const token = await mailedToken(api, email);
        return () => post(api, '/api/v1/auth/reset-password', { token, password: `another ${PASSWORD}` });
      },
    ],
  ])('%s', async ([, prepare]) => {
    const { one, token, firstPages, truth } = await startPair();
    const act = await prepare(one, token);
    const before = await truth();
    expect(await firstPages()).toEqual(before);
    // Warm: what is asked now would be answered without Postgres.
    expect(await statementsDuring(firstPages)).toEqual([]);
    await act();
    const after = await truth();
    expect(after).not.toEqual(before);
    expect(await firstPages()).toEqual(after);
  });
});

test('a change by many at once leaves no old page behind', async () => {
  const { one, two, token, firstPages, truth } = await startPair();
  let isOver = false;
  const readers = Promise.all(
    [one, two].map(async (api) => {
      while (!isOver) await api.call('GET', LIST, { token });
    }),
  );
  for (let turn = 0; turn < 20; turn += 1) {
    await Promise.all([one, two].map((api) => api.addUser()));
    expect(await firstPages()).toEqual(await truth());
  }
  isOver = true;
  await readers;
});

test('other pages, other sizes and searches are neither kept nor answered by what is kept', async () => {
  const { one, list } = await startPair();
  for (let count = 0; count < PAGE_SIZE; count += 1) await one.addUser();
  await platform.redis().flushall();
  const { data: all } = await list(one, '?pageSize=100');
  expect(all).toHaveLength(PAGE_SIZE + 1);
  const first = await list(one);
  expect(first.data).toEqual(all.slice(0, PAGE_SIZE));
  const second = await one.call('GET', `${LIST}?page=2`, { token: (await one.addCaller('admin')).token });
  expect(second.body.data.map(({ id }: { id: string }) => id)).toContain(all.at(-1).id);
  expect((await list(one, '?pageSize=5')).data).toHaveLength(5);
  expect((await list(one, '?search=test')).data.length).toBeGreaterThan(0);
  const kept = (await platform.redis().keys('*user_list:*')).map((key) =>
    key.slice(key.indexOf('user_list:')),
  );
  expect(kept.filter((key) => key !== 'user_list:*')).toEqual([]);
});
