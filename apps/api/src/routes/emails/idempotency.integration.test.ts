/** The second half of issue 4's test: 1,000 requests at once under 100 keys, to two instances. */
import { emailOutbox, emailSends } from '@sv-sdk/db';
import { count } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { startTestApi } from '../../testing/api.ts';

const MOST_REPETITIONS = 20;

test('1,000 concurrent POSTs under 100 idempotency keys are 100 emails, and each key has one answer', async () => {
  const api = await startTestApi();
  const other = await startTestApi({ like: api });
  const { token } = await api.addCaller('manager');
  const post = (index: number, key: string) =>
    // Each key at both instances.
    (Math.trunc(index / 100) % 2 === 0 ? api : other).call('POST', '/api/v1/emails', {
      token,
      headers: { 'idempotency-key': key },
      body: {
        to: `${key}@example.org`,
        template: 'notification',
        variables: { name: key, title: 'Ready', message: 'It runs.' },
      },
    });
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, async (_, index) => {
      const key = `order-${index % 100}`;
      let answer = await post(index, key);
      // Five connections an instance are too few for a thousand at once on a busy machine: a client asks again.
      for (let more = 0; more < MOST_REPETITIONS && answer.status === 503; more += 1)
        answer = await post(index, key);
      return { key, status: answer.status, ids: answer.body.data?.ids as string[] | undefined };
    }),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
  expect(new Set(answers.flatMap(({ ids }) => ids)).size).toBe(100);
  const byKey = new Set(answers.map(({ key, ids }) => `${key} ${ids?.join()}`));
  expect(byKey.size).toBe(100);
  const [sends] = await api.db.write().select({ count: count() }).from(emailSends);
  const [outbox] = await api.db.write().select({ count: count() }).from(emailOutbox);
  expect([sends?.count, outbox?.count]).toEqual([100, 100]);
});
