/** The parts of the running stack that are loaded: where they listen, and what is asked of them. */
import { Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { containersOf, secret, shellOrThrow } from '../../test/e2e/stack.ts';
import { HELLO_PATH, LIST_PATH } from '../baselines/servers.ts';
import { askOnce } from '../load/open.ts';
import { type Ask, hasUsers } from '../load/run.ts';
import { addressOf } from '../own-stack.ts';

const BASELINES = ['node-http', 'node-http-pg', 'express-pg', 'fastify-pg', 'nginx'] as const;
export type BaselineService = (typeof BASELINES)[number];

const COMPOSE = 'docker compose -f docker-compose.yml -f bench/baselines/compose.yml';
export const PAGE_SIZE = 20;
const START_LIMIT_MS = 30_000;

export const isHello = (body: string) => body.includes('"hello"') || body.includes('"alive":true');

export interface Platform {
  /** The first page of the users of an instance, a baseline or all instances behind nginx. */
  list(at: 'one instance' | 'nginx' | Exclude<BaselineService, 'node-http' | 'nginx'>): Ask;
  /** The second one of an instance, which no cache has. */
  secondPage(): Ask;
  /** What needs no database. */
  hello(at: 'one instance' | 'nginx' | 'node-http' | 'baseline nginx'): Ask;
  /** 60 % lists, 30 % single users, 10 % permission checks, as in test/load. */
  mixed(): Ask;
  /** The sum of a metric's series over all instances, of those with all of these labels, such as `result="hit"`. */
  metric(name: string, ...labels: readonly string[]): Promise<number>;
}

/** Starts the baselines beside the stack, and finds everything's address. */
export async function startPlatform(): Promise<Platform> {
  await shellOrThrow(`${COMPOSE} up -d --no-deps ${BASELINES.map((name) => `baseline-${name}`).join(' ')}`);
  const baselines = Object.fromEntries(
    await Promise.all(
      BASELINES.map(async (name) => {
        const { stdout } = await shellOrThrow(`${COMPOSE} ps --quiet baseline-${name}`);
        const port = name === 'nginx' ? 8080 : 3000;
        return [name, `http://${await addressOf(stdout.trim())}:${port}`] as const;
      }),
    ),
  ) as Record<BaselineService, string>;
  const [app = ''] = await containersOf('app');
  const [nginx = ''] = await containersOf('nginx');
  const instance = `http://${await addressOf(app)}:3000`;
  const balancer = `http://${await addressOf(nginx)}:8080`;
  const headers = { 'x-api-key': secret('load_api_key') };

  const list: Platform['list'] = (at) =>
    at === 'one instance' || at === 'nginx'
      ? { url: (at === 'nginx' ? balancer : instance) + LIST_PATH, headers, isExpected: hasUsers(PAGE_SIZE) }
      : { url: baselines[at] + LIST_PATH, isExpected: hasUsers(PAGE_SIZE) };
  const secondPage = () => ({
    url: `${instance}${LIST_PATH}?page=2`,
    headers,
    isExpected: hasUsers(PAGE_SIZE),
  });
  const hello: Platform['hello'] = (at) => {
    const url = {
      'one instance': `${instance}/health/live`,
      nginx: `${balancer}/health/live`,
      'node-http': baselines['node-http'] + HELLO_PATH,
      'baseline nginx': baselines.nginx + HELLO_PATH,
    }[at];
    return { url, isExpected: isHello };
  };
  const everything = [
    list('one instance'),
    list('nginx'),
    secondPage(),
    ...(['node-http-pg', 'express-pg', 'fastify-pg'] as const).map(list),
    ...(['one instance', 'nginx', 'node-http', 'baseline nginx'] as const).map(hello),
  ];
  for (const ask of everything) await untilAnswered(ask);
  return { list, secondPage, hello, mixed: await mixOf(balancer, headers), metric: sumOfMetric };
}

async function mixOf(balancer: string, headers: Record<string, string>): Promise<() => Ask> {
  const answer = await fetch(`${balancer}${LIST_PATH}?pageSize=100`, { headers });
  const { data } = (await answer.json()) as { data: { id: string }[] };
  const below = (count: number) => Math.floor(Math.random() * count);
  return () => {
    const share = Math.random();
    if (share < 0.6) {
      const url = `${balancer}${LIST_PATH}?page=${1 + below(10)}`;
      return { url, headers, isExpected: hasUsers(PAGE_SIZE) };
    }
    if (share < 0.9) {
      const url = `${balancer}${LIST_PATH}/${data[below(data.length)]?.id}`;
      return { url, headers, isExpected: hasUsers(1) };
    }
    return {
      url: `${balancer}/api/v1/permissions/check`,
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: '{"permission":"read:any:user"}',
      isExpected: (body) => body.includes('"allowed":true'),
    };
  };
}

export async function untilAnswered(ask: Ask): Promise<void> {
  const agent = new Agent();
  const deadline = performance.now() + START_LIMIT_MS;
  for (;;) {
    try {
      await askOnce(ask, agent);
      return;
    } catch (error) {
      if (performance.now() > deadline) throw new Error(`${ask.url} is not as expected`, { cause: error });
      await delay(200);
    }
  }
}

async function sumOfMetric(name: string, ...labels: readonly string[]): Promise<number> {
  let sum = 0;
  for (const app of await containersOf('app')) {
    const text = await (await fetch(`http://${await addressOf(app)}:9464/metrics`)).text();
    for (const line of text.split('\n')) {
      const isSeries = line.startsWith(`${name}{`) || line.startsWith(`${name} `);
      if (isSeries && labels.every((label) => line.includes(label)))
        sum += Number(line.slice(line.lastIndexOf(' ')));
    }
  }
  return sum;
}
