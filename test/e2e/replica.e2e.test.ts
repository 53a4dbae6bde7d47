import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { call, clientOf, signIn } from './client.ts';
import { startAgain } from './containers.ts';
import { countReads } from './reads.ts';
import { containersOf, shellOrThrow, sql, startStack } from './stack.ts';

beforeAll(startStack);

const PAIRS = 10_000;
/** Each a caller of its own, who does one thing after another. */
const LANES = 16;

/** Callers who may suppress addresses and list them: a short write, and a read that no cache answers. */
async function makeCallers(): Promise<string[]> {
  const admin = clientOf({ token: await signIn() });
  return Promise.all(
    Array.from({ length: LANES }, async () => {
      const [email, password] = [`${randomUUID()}@example.org`, `pass-${randomUUID()}`];
      await admin.post('/api/v1/users', {
        body: { email, name: 'Writer', password, role: 'admin', emailVerified: true },
      });
      return (await clientOf().post('/api/v1/auth/login', { body: { email, password } })).data.token;
    }),
  );
}

test('10,000 writes, each read back at once by who wrote: none stale, no error, whatever the replica does', async () => {
  expect(await containersOf('app')).toHaveLength(2);
  const tokens = await makeCallers();
  const before = await countReads({ containersOf, shellOrThrow });

  let done = 0;
  let stale = 0;
  const errors = new Map<string, number>();
  const fail = (what: string): void => void errors.set(what, (errors.get(what) ?? 0) + 1);
  const pair = async (token: string): Promise<void> => {
    const email = `${randomUUID()}@example.org`;
    const written = await call('POST', '/api/v1/suppressions', { token, body: { email } });
    if (written.status !== 201) return fail(`write: ${written.status} ${written.body?.error?.code}`);
    const read = await call('GET', `/api/v1/suppressions?email=${email}`, { token });
    if (read.status !== 200) return fail(`read: ${read.status} ${read.body?.error?.code}`);
    if (read.body.data[0]?.id !== written.body.data.id) stale += 1;
  };
  const lane = async (token: string) => {
    while (done < PAIRS) {
      done += 1;
      await pair(token).catch((error: unknown) => fail(String(error)));
    }
  };
  const lanes = Promise.all(tokens.map(lane));

  // What happens to the replica meanwhile, by how far the pairs are.
  const [replica = ''] = await containersOf('postgres-replica');
  const until = (share: number) =>
    expect.poll(() => done, { timeout: 400_000 }).toBeGreaterThanOrEqual(PAIRS * share);
  try {
    await until(0.15);
    await sql('postgres-replica', 'select pg_wal_replay_pause()');
    await until(0.35);
    await sql('postgres-replica', 'select pg_wal_replay_resume()');
    await until(0.5);
    await sql('postgres-replica', 'select pg_wal_replay_pause()');
    await until(0.6);
    await shellOrThrow(`docker kill ${replica}`);
    await until(0.8);
    await shellOrThrow(`docker start ${replica}`);
    await lanes;
  } finally {
    await startAgain(replica);
  }

  const after = await countReads({ containersOf, shellOrThrow });
  const reads = [...after].map(([place, count]): [string, number] => [
    place,
    count - (before.get(place) ?? 0),
  ]);
  const listed = reads.filter(([, count]) => count > 0).map(([place, count]) => `  ${place}: ${count}`);
  process.stdout.write(
    `${done} pairs, ${stale} stale, ${[...errors.values()].reduce((sum, count) => sum + count, 0)} errors; reads by server and reason:\n${listed.join('\n')}\n`,
  );
  expect(Object.fromEntries(errors)).toEqual({});
  expect(stale).toBe(0);
  const counted = new Map(reads);
  for (const place of ['replica_1, caught_up', 'primary, recent_write', 'primary, down']) {
    expect(counted.get(place) ?? 0, place).toBeGreaterThan(0);
  }
  // Used again once it is back.
  await expect
    .poll(async () => {
      await call('GET', '/api/v1/suppressions?pageSize=1', { token: tokens[0] ?? '' });
      return (
        ((await countReads({ containersOf, shellOrThrow })).get('replica_1, none') ?? 0) +
        ((await countReads({ containersOf, shellOrThrow })).get('replica_1, caught_up') ?? 0)
      );
    })
    .toBeGreaterThan((after.get('replica_1, none') ?? 0) + (after.get('replica_1, caught_up') ?? 0));
}, 600_000);
