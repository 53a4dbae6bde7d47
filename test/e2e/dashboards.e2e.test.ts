/** Every panel of every dashboard, asked of the Prometheus that Grafana would ask: it shows something. */
import { randomUUID } from 'node:crypto';
import type { Client } from '@sv-sdk/client';
import { beforeAll, expect, test } from 'vitest';
import { committedDashboards, panelsOf } from '../../infra/grafana/src/committed.ts';
import { withoutVariables } from '../../infra/grafana/src/promql.ts';
import { clientOf, eventually, query, signIn } from './client.ts';
import { secret, startStack, urls } from './stack.ts';

/** What a healthy stack of this kind has no figure of. */
const EMPTY_UNLESS: Readonly<Record<string, string>> = {
  'Overview: Alerts that fire': 'an alert fires',
  'API: Certificate ends in': 'the world reaches nginx by a domain',
  'Database: Age of the last backup': 'a backup has been completed',
  'Database: Size of the repository': 'a backup has been completed',
  'Database: Last rehearsal of a restore': 'a restore was rehearsed',
  'Redis: Slots without a node': 'the Redis Cluster’s profile is on',
  'Redis: Replicas by node': 'the Redis Cluster’s profile is on',
  'Queue and email: Refusals': 'a provider has refused an email',
  'Queue and email: Events of providers': 'a provider has told of an email, which SMTP does not',
  'Queue and email: Webhooks refused': 'a webhook has refused a request',
  'Queue and email: Bounces': 'a day has 100 emails',
  'Queue and email: Complaints': 'a day has 1,000 emails',
  'Host: Held up': 'the kernel measures pressure (PSI)',
  'Host: Instances that run and that are wanted': 'the autoscaler’s profile is on',
  'Host: Last round': 'the autoscaler’s profile is on',
};

interface Asked {
  readonly panel: string;
  readonly expression: string;
}

const asked: readonly Asked[] = committedDashboards().flatMap((dashboard) =>
  panelsOf(dashboard).flatMap(({ title, targets }) =>
    targets.map(({ expr }) => ({
      panel: `${dashboard.title}: ${title}`,
      expression: withoutVariables(expr),
    })),
  ),
);

/** How many series answer. Prometheus' own words where it does not understand the question. */
async function seriesFor(expression: string): Promise<number> {
  const response = await fetch(
    `${urls.prometheus}/api/v1/query?${new URLSearchParams({ query: expression })}`,
  );
  const answer = (await response.json()) as { data?: { result: unknown[] }; error?: string };
  if (answer.data === undefined) throw new Error(`${answer.error}: ${expression}`);
  return answer.data.result.length;
}

/** A little of everything that the panels are about. */
async function useThePlatform(admin: Client): Promise<void> {
  const machine = clientOf({ apiKey: secret('load_api_key') });
  // A share or a percentile is spoken of from 20 requests in 5 minutes on.
  for (let round = 0; round < 30; round += 1) {
    await admin.get('/api/v1/users', { params: { query: { pageSize: 5 } } });
    await machine.get('/api/v1/users', { params: { query: { pageSize: 5 } } });
    await admin.post('/api/v1/permissions/check', { body: { permission: 'read:any:user' } });
  }
  await sendEmails(admin, 25);
}

async function sendEmails(admin: Client, count: number): Promise<void> {
  await admin.post('/api/v1/emails', {
    body: {
      emails: Array.from({ length: count }, () => ({
        to: `${randomUUID()}@example.org`,
        template: 'notification',
        variables: { name: 'Ada', title: 'It runs', message: 'Hello.' },
      })),
    },
  });
}

/** Those that answer with nothing, as panels. */
async function emptyPanels(questions: readonly Asked[]): Promise<Asked[]> {
  const empty: Asked[] = [];
  for (const question of questions) {
    if ((await seriesFor(question.expression)) === 0) empty.push(question);
  }
  return empty;
}

let admin: Client;
beforeAll(async () => {
  await startStack();
  admin = clientOf({ token: await signIn() });
});

test('every panel shows something once the platform is used', async () => {
  await useThePlatform(admin);
  let open = asked;
  await eventually(
    async () => {
      // A rate needs a second scrape of what has changed.
      await admin.get('/api/v1/users', { params: { query: { pageSize: 5 } } });
      await sendEmails(admin, 1);
      open = await emptyPanels(open);
      return open.filter(({ panel }) => EMPTY_UNLESS[panel] === undefined);
    },
    (empty) => empty.length === 0,
    { seconds: 150, what: 'every panel with data' },
  );
  const stillEmpty = [...new Set(open.map(({ panel }) => panel))];
  console.info(`${asked.length} queries of ${new Set(asked.map(({ panel }) => panel)).size} panels; empty:`);
  for (const panel of stillEmpty) console.info(`  ${panel}, until ${EMPTY_UNLESS[panel]}`);
  const slowest = await query(
    'topk(3, max by (job) (quantile_over_time(0.5, scrape_duration_seconds[2m])))',
    urls.prometheus,
  );
  const told = slowest.map(({ labels, value }) => `${labels['job']} ${(value * 1000).toFixed(0)} ms`);
  console.info(`slowest scrapes, medians of two minutes: ${told.join(', ')} (goal: ≤ 50 ms)`);
});

test('what may be empty is a panel', () => {
  const panels = new Set(asked.map(({ panel }) => panel));
  expect(Object.keys(EMPTY_UNLESS).filter((name) => !panels.has(name))).toEqual([]);
});

test('the marks of deploys and of scaling are understood', async () => {
  const marks = committedDashboards().flatMap(({ annotations }) => annotations.list);
  expect(marks.length).toBeGreaterThan(0);
  for (const { expr } of marks) expect(await seriesFor(expr)).toBeGreaterThanOrEqual(0);
});

test('what a person can choose on a dashboard has values', async () => {
  const choices = committedDashboards().flatMap(({ templating }) => templating.list);
  const empty: string[] = [];
  for (const { definition } of choices) {
    const [, selector = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(definition) ?? [];
    if ((await seriesFor(`count by (${label}) (${selector})`)) === 0) empty.push(definition);
  }
  expect(empty).toEqual([]);
});
