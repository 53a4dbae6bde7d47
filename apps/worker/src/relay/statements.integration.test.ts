import { WAITING_ROOM_JOBS } from '@sv-sdk/queue';
import { startTestRedis, type TestRedis } from '@sv-sdk/queue/testing';
import { type SQL, sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { relayBatch } from './relay.ts';
import {
  countDepth,
  depthUpTo,
  findWaiting,
  lockDue,
  lockRelayedBefore,
  relayedBefore,
  waitingPriorities,
} from './statements.ts';
import { createOutboxRig, type OutboxRig } from './testing/outbox-rig.ts';

interface Plan {
  'Node Type': string;
  'Index Name'?: string;
  'Relation Name'?: string;
  'Actual Rows': number;
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
  Plans?: Plan[];
}

const WAITING = 'email_outbox_waiting_idx';
const RELAYED = 'email_outbox_relayed_idx';

describe('with 200,000 rows in the outbox, nearly all of them of no concern now', () => {
  let redis: TestRedis;
  let rig: OutboxRig;
  let relayedLongAgo: string[];
  beforeAll(async () => {
    redis = await startTestRedis('queue');
    rig = await createOutboxRig(redis.url);
    for (const priority of [1, 3, 5, 7, 9]) {
      await rig.fill({ emails: 20_000, priority, dueInSeconds: 86_400 });
    }
    await rig.fill({ emails: 79_000, relayedSecondsAgo: 5 });
    await rig.fill({ emails: 400, priority: 5, dueInSeconds: -30 });
    await rig.fill({ emails: 20_000, priority: 9, dueInSeconds: -90 });
    relayedLongAgo = await rig.fill({ emails: 500, relayedSecondsAgo: 600 });
  });
  afterAll(async () => {
    await rig.close();
    await redis.stop();
  });

  /** What a statement reads: of what, the most rows of one, and how many blocks of 8 kB in all. It is run for that. */
  async function explain(statement: SQL): Promise<{ from: Set<string>; rows: number; blocks: number }> {
    const { rows } = await rig.db
      .write()
      .execute<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
        sql`explain (analyze, buffers, timing off, format json) ${statement}`,
      );
    const root = rows[0]?.['QUERY PLAN'][0].Plan;
    if (root === undefined) throw new Error('EXPLAIN answered nothing');
    const from = new Set<string>();
    let mostRows = 0;
    const visit = (plan: Plan) => {
      const relation = plan['Index Name'] ?? plan['Relation Name'];
      if (relation !== undefined) {
        from.add(`${plan['Node Type']} ${relation}`);
        mostRows = Math.max(mostRows, plan['Actual Rows']);
      }
      plan.Plans?.forEach(visit);
    };
    visit(root);
    return { from, rows: mostRows, blocks: root['Shared Hit Blocks'] + root['Shared Read Blocks'] };
  }

  // Autovacuum comes to a table by itself, but not before many rows were written.
  describe.each(['before', 'after'])('%s Postgres has counted what the table holds', (moment) => {
    beforeAll(async () => {
      if (moment === 'after')
        await rig.db.write().execute(sql`analyze email.email_outbox, email.email_sends`);
    });

    it('the relay’s look reads a few entries of one index', async () => {
      const { from, blocks } = await explain(waitingPriorities);
      expect([...from].filter((node) => !node.endsWith('present'))).toEqual([expect.stringMatching(WAITING)]);
      expect(blocks).toBeLessThan(200);
    });

    it('the relay’s batch reads what it takes', async () => {
      const { from, rows, blocks } = await explain(lockDue(rig.db.write(), 9, 500).getSQL());
      expect([...from]).toEqual([`Index Scan ${WAITING}`]);
      expect(rows).toBe(500);
      // For each of the 500 its entry, its row and the lock on it.
      expect(blocks).toBeLessThan(2500);
    });

    it('the sweeper’s look reads what it answers', async () => {
      const { from, rows, blocks } = await explain(relayedBefore(rig.db.write(), 60, 500).getSQL());
      expect([...from]).toEqual([`Index Scan ${RELAYED}`]);
      expect(rows).toBe(500);
      expect(blocks).toBeLessThan(1500);
    });

    it('the sweeper’s lock goes by the keys of what it looked at', async () => {
      const { from, blocks } = await explain(lockRelayedBefore(rig.db.write(), relayedLongAgo, 60).getSQL());
      expect([...from].filter((node) => node.startsWith('Seq Scan'))).toEqual([]);
      expect(blocks).toBeLessThan(8000);
    });

    it('the depth is counted without a look at what is not due', async () => {
      const { blocks } = await explain(depthUpTo(100_000));
      expect(blocks).toBeLessThan(5000);
    });
  });

  it('finds which priorities have something due, and since when', async () => {
    const found = await findWaiting(rig.db.write());
    expect(found.map(({ priority }) => priority)).toEqual([5, 9]);
    const ages = found.map(({ oldestDueAt }) => (Date.now() - oldestDueAt.getTime()) / 1000);
    expect(ages[0]).toBeGreaterThan(29);
    expect(ages[1]).toBeGreaterThan(89);
    expect(ages[1]).toBeLessThan(600);
  });

  it('counts what is due and has no end, and no further than it is told', async () => {
    expect(await countDepth(rig.db.write(), 100_000)).toBe(79_000 + 400 + 20_000 + 500);
    expect(await countDepth(rig.db.write(), 1000)).toBe(1000);
  });

  it('the relay takes what is due, the most urgent first', async () => {
    expect(await relayBatch(rig)).toBe(500);
    const room = await rig.queue.room([5, 9]);
    expect([room.get(5), room.get(9)]).toEqual([WAITING_ROOM_JOBS - 400, WAITING_ROOM_JOBS - 100]);
    expect((await findWaiting(rig.db.write())).map(({ priority }) => priority)).toEqual([9]);
  });
});
