import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, scrapeTargets, signIn } from './client.ts';
import { untilHealthy } from './containers.ts';
import {
  accept,
  anyWorker,
  type EmailRow,
  rowsOf,
  type Seen,
  scaleWorkers,
  seen,
  smtpCounter,
  startSmtpCounter,
  stopSmtpCounter,
  unfinished,
  useWorkers,
  watchSeen,
} from './email.ts';
import { REFUSED } from './smtp-counter.ts';
import { containersOf, shellOrThrow, sql, startStack } from './stack.ts';

const EMAILS = 20_000;
const BATCH = 250;
/** So far ahead of the SMTP server may acceptance be, so that it goes on through everything that happens. */
const MOST_AHEAD = 5_000;
const OUTAGE_SECONDS = 60;

let token: string;
beforeAll(async () => {
  await startStack();
  token = await signIn();
  await startSmtpCounter();
});
afterAll(stopSmtpCounter);

test('whatever is killed, wiped or away: every accepted email has an end, and none is lost or repeated unmarked', async () => {
  const domain = `${randomUUID()}.example.org`;
  const recipients = Array.from({ length: EMAILS }, (_, index) => `${behaviourOf(index)}${index}@${domain}`);
  await useWorkers(3);
  const watch = await watchSeen();
  const killing = killWorkers();
  let accepting: Promise<string[]>;
  try {
    accepting = acceptAll(recipients, watch.count);
    // What fails in the middle of the following is told by whoever awaits it.
    accepting.catch(() => undefined);
    await watch.reach(2_000);
    await killQueue();
    await watch.reach(5_000);
    await restartPostgres();
    await watch.reach(8_000);
    await withoutSmtp(wipeQueue);
    await watch.reach(12_000);
    await wipeQueue();
    await watch.reach(16_000);
  } finally {
    await killing.stop();
  }
  const accepted = await accepting;
  await untilHealthy();
  await eventually(
    () => unfinished(domain),
    (count) => count === 0,
    { seconds: 150, what: 'all have an end' },
  );
  await watch.stop();

  const rows = await rowsOf(domain);
  const counts = count(rows, await seen());
  console.info(
    `accepted: ${accepted.length}\n` +
      `final: ${Object.entries(counts.byStatus)
        .map(([status, emails]) => `${status} ${emails}`)
        .join(', ')}\n` +
      `seen at least once: ${counts.seen}\n` +
      `duplicates: ${counts.duplicates}, in ${counts.repeated.length} emails; marked uncertain: ${counts.uncertain}\n` +
      `(${killing.kills()} workers were killed)`,
  );
  expect(rows.map(({ id }) => id).toSorted()).toEqual(accepted.toSorted());
  // Refused for good by the server, and only those.
  const failed = rows.filter(({ status }) => status === 'failed').map(({ recipient }) => recipient);
  const refused = recipients.filter((to) => to.startsWith(REFUSED.never) || to.startsWith(REFUSED.unknown));
  expect(failed.toSorted()).toEqual(refused.toSorted());
  expect(counts.byStatus).toEqual({ sent: EMAILS - refused.length, failed: refused.length });
  expect(counts.seen).toBe(EMAILS);
  expect(counts.unmarked).toEqual([]);
  expect(counts.duplicates).toBeLessThanOrEqual(counts.uncertain);
  expect(await sql('postgres', 'select count(*) from email.email_outbox')).toEqual(['0']);
}, 420_000);

test('1,000 concurrent POSTs under 100 idempotency keys are 100 emails', async () => {
  const domain = `${randomUUID()}.example.org`;
  const keys = Array.from({ length: 100 }, () => randomUUID());
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, async (_, index) => {
      const key = keys[index % keys.length] as string;
      return { key, ids: await accept([{ to: `${key}@${domain}` }], token, key) };
    }),
  );
  for (const key of keys) {
    const ids = answers.filter((answer) => answer.key === key).map((answer) => answer.ids.join());
    expect(ids).toHaveLength(10);
    expect(new Set(ids).size).toBe(1);
  }
  await eventually(
    () => unfinished(domain),
    (left) => left === 0,
    { seconds: 60, what: 'all have an end' },
  );
  const rows = await rowsOf(domain);
  expect(rows).toHaveLength(100);
  const counts = count(rows, await seen());
  console.info(`accepted: ${answers.length} answers for ${rows.length} emails; seen: ${counts.seen}`);
  expect(counts).toMatchObject({ byStatus: { sent: 100 }, seen: 100, duplicates: 0, uncertain: 0 });
});

test('scaling the workers from 2 to 10 and back under load loses and repeats nothing', async () => {
  const domain = `${randomUUID()}.example.org`;
  await useWorkers(2);
  const watch = await watchSeen();
  const load = startLoad(domain, watch.count);
  try {
    await watch.reach(200);
    await scaleWorkers(10);
    expect(await containersOf('worker')).toHaveLength(10);
    await eventually(
      () => scrapeTargets('worker'),
      (targets) => targets.length === 10 && targets.every(({ health }) => health === 'up'),
      { seconds: 90, what: '10 scraped workers' },
    );
    await watch.reach(watch.count() + 500);
    await scaleWorkers(2);
    expect(await containersOf('worker')).toHaveLength(2);
    await watch.reach(watch.count() + 200);
  } finally {
    await load.stop();
    await watch.stop();
  }
  const accepted = await load.accepted();
  await eventually(
    () => unfinished(domain),
    (left) => left === 0,
    { seconds: 60, what: 'all have an end' },
  );
  const rows = await rowsOf(domain);
  const counts = count(rows, await seen());
  console.info(
    `accepted: ${accepted.length}; sent: ${counts.byStatus['sent']}; seen: ${counts.seen}; ` +
      `duplicates: ${counts.duplicates}; uncertain: ${counts.uncertain}`,
  );
  expect(rows.map(({ id }) => id).toSorted()).toEqual(accepted.toSorted());
  expect(counts).toMatchObject({
    byStatus: { sent: accepted.length },
    seen: accepted.length,
    duplicates: 0,
    uncertain: 0,
  });
});

/** Of a thousand: ten are refused once, two always for now, and one for good. */
function behaviourOf(index: number): string {
  const position = index % 1000;
  if (position < 10) return REFUSED.later;
  if (position < 12) return REFUSED.never;
  return position === 12 ? REFUSED.unknown : 'person-';
}

/** In batches, never further ahead of what was seen than {@link MOST_AHEAD}. Answers the ids. */
async function acceptAll(recipients: readonly string[], seenCount: () => number): Promise<string[]> {
  const ids: string[] = [];
  for (let start = 0; start < recipients.length; start += BATCH) {
    await eventually(
      async () => ids.length - seenCount(),
      (ahead) => ahead < MOST_AHEAD,
      { seconds: 300, what: 'the SMTP server catches up' },
    );
    const batch = recipients.slice(start, start + BATCH).map((to) => ({ to }));
    ids.push(...(await accept(batch, token, randomUUID())));
  }
  return ids;
}

/** Batches of ten, one after another, until it is stopped. */
function startLoad(domain: string, seenCount: () => number) {
  const ids: string[] = [];
  let isRunning = true;
  const done = (async () => {
    for (let batch = 0; isRunning; batch += 1) {
      await eventually(
        async () => ids.length - seenCount(),
        (ahead) => ahead < 1_000 || !isRunning,
        { seconds: 120, what: 'the SMTP server catches up' },
      );
      const people = Array.from({ length: 10 }, (_, index) => ({ to: `person-${batch}-${index}@${domain}` }));
      ids.push(...(await accept(people, token, randomUUID())));
    }
  })();
  done.catch(() => undefined);
  return {
    async stop() {
      isRunning = false;
      await Promise.allSettled([done]);
    },
    /** Rejects when one was not accepted. */
    accepted: async () => {
      await done;
      return ids;
    },
  };
}

/** SIGKILL to one of the workers, started again at once, after 2 to 6 seconds each time. */
function killWorkers() {
  let isRunning = true;
  let kills = 0;
  const done = (async () => {
    while (isRunning) {
      await new Promise((resolve) => setTimeout(resolve, 2_000 + Math.random() * 4_000));
      const worker = await anyWorker();
      if (worker === undefined) continue;
      await shellOrThrow(`docker kill ${worker} && docker start ${worker}`);
      kills += 1;
    }
  })();
  done.catch(() => undefined);
  return {
    kills: () => kills,
    async stop() {
      isRunning = false;
      await done;
    },
  };
}

async function killQueue(): Promise<void> {
  const [container] = await containersOf('redis-queue');
  await shellOrThrow(`docker kill ${container} && docker start ${container}`);
}

/** All jobs are gone, and what BullMQ knows of them. */
async function wipeQueue(): Promise<void> {
  await shellOrThrow(
    "docker compose exec -T redis-queue sh -c 'REDISCLI_AUTH=$(cat $PASSWORD_FILE) redis-cli flushall'",
  );
}

async function restartPostgres(): Promise<void> {
  const [container] = await containersOf('postgres');
  await shellOrThrow(`docker restart --time 30 ${container}`);
}

/** The SMTP server is killed, and away for a minute; `meanwhile` happens in the middle. */
async function withoutSmtp(meanwhile: () => Promise<void>): Promise<void> {
  const container = await smtpCounter();
  const half = () => new Promise((resolve) => setTimeout(resolve, (OUTAGE_SECONDS / 2) * 1000));
  await shellOrThrow(`docker kill ${container}`);
  await half();
  await meanwhile();
  await half();
  await shellOrThrow(`docker start ${container}`);
}

/** The counts of issue 4, of these rows only. */
function count(rows: readonly EmailRow[], { taken, refused }: Seen) {
  const byStatus: Record<string, number> = {};
  for (const { status } of rows) byStatus[status] = (byStatus[status] ?? 0) + 1;
  const extra = (row: EmailRow) => Math.max(0, (taken.get(row.id) ?? 0) - 1);
  const repeated = rows.filter((row) => extra(row) > 0);
  return {
    byStatus,
    /** What was to be sent must have been taken; what failed, refused. */
    seen: rows.filter(({ id, status }) => (status === 'failed' ? refused : taken).has(id)).length,
    duplicates: repeated.reduce((sum, row) => sum + extra(row), 0),
    repeated,
    uncertain: rows.filter(({ isUncertain }) => isUncertain).length,
    /** Taken more often than there are attempts of which nobody knows how they ended. */
    unmarked: repeated.filter((row) => !row.isUncertain || extra(row) > row.uncertainAttempts),
  };
}
