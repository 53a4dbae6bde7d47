/**
 * Phase 3 of the scaling guide, by `make up PHASE=3`: a second replica, and a Redis Cluster for cache and queue; and the way
 * back to phase 1.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createClient } from '@sv-sdk/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from './client.ts';
import { sendEmail, servicesOf, signInTo, untilSent, useThePlatform, writeSettings } from './own-stack.ts';
import { countReads } from './reads.ts';
import { defineStack } from './stack.ts';

const stack = defineStack({
  project: 'sv-e2e-phase-3',
  home: 'e2e-phase-3',
  ports: { http: 13200, prometheus: 19290, alertmanager: 19293, grafana: 13201, maildev: 11280 },
});
const NODES = [1, 2, 3, 4, 5, 6].map((number) => `redis-cluster-${number}`);
/** Enough that every lane has asked while a primary is away. */
const SOME = 60;
const LANES = 3;
const PAUSE_MS = 20;
/** Not each: the catcher of mail takes some 15 a second. */
const ROUNDS_AN_EMAIL = 5;
const OWN_SIZES = {
  APP_INSTANCES: '3',
  WORKER_INSTANCES: '1',
  POSTGRES_MEMORY: '512m',
  REDIS_CLUSTER_MAXMEMORY: '64mb',
  REDIS_CLUSTER_MEMORY: '160m',
};

beforeAll(async () => {
  await stack.remove();
  // Chosen by hand, so small that a machine of 5 GiB carries it.
  writeSettings(stack, {
    BALANCER_PREFIX: '10.251.101',
    ...OWN_SIZES,
    // 28 containers on two cores: what is shed there is none of Redis' doing.
    OVERLOAD_EVENT_LOOP_DELAY_MS: '2000',
  });
  const up = await stack.shell('make up PHASE=3', { timeoutSeconds: 600 });
  if (up.exitCode !== 0) {
    const { output } = await stack.shell('docker compose ps --all; docker compose logs --tail 30');
    throw new Error(`${up.output}\n${output}`);
  }
});
afterAll(stack.remove);

const askCluster = async (node: string, command: string) => {
  const { stdout } = await stack.shellOrThrow(
    `docker compose exec -T ${node} sh -c 'REDISCLI_AUTH=$(cat $PASSWORD_FILE) exec redis-cli ${command}'`,
  );
  return stdout.trim();
};

const isWhole = async (node: string) => (await askCluster(node, 'cluster info')).includes('cluster_state:ok');

/** The node that serves BullMQ's slot. */
async function primaryOfQueue(): Promise<string> {
  const slot = Number(await askCluster('redis-cluster-1', 'cluster keyslot {emails}'));
  const [address] = (await askCluster('redis-cluster-1', 'cluster nodes')).split('\n').flatMap((line) => {
    const [, where = '', flags = '', , , , , , ...ranges] = line.split(' ');
    const serves = ranges.some((range) => {
      const [from = NaN, to = from] = range.split('-').map(Number);
      return from <= slot && slot <= to;
    });
    return flags.includes('master') && serves ? [where.split(':')[0]] : [];
  });
  for (const node of NODES) {
    const { stdout } = await stack.shellOrThrow(`docker compose exec -T ${node} hostname -i`);
    if (address !== undefined && stdout.trim().split(' ').includes(address)) {
      return node;
    }
  }
  throw new Error(`no node has the address ${address}`);
}

test('six nodes serve all slots, and the single servers are left out', async () => {
  const services = await servicesOf(stack);
  expect([...NODES, 'postgres-replica-2'].filter((name) => !services.has(name))).toEqual([]);
  expect(['redis', 'redis-queue'].filter((name) => services.has(name))).toEqual([]);
  for (const node of NODES) expect(await isWhole(node)).toBe(true);
});

test('Prometheus watches each of the six', async () => {
  await eventually(
    async () => {
      const asked = `${stack.urls.prometheus}/api/v1/query?query=redis_cluster_state`;
      const { data } = (await (await fetch(asked)).json()) as {
        data: { result: { metric: { instance: string }; value: [number, string] }[] };
      };
      return data.result.filter(({ value }) => value[1] === '1').map(({ metric }) => metric.instance);
    },
    (found) => NODES.every((node) => found.includes(node)),
    { seconds: 60, what: 'the state of the cluster by each node, in Prometheus' },
  );
});

test('is ready, and reads, writes and sends', () => useThePlatform(stack));

test('reads are spread over both replicas', async () => {
  const reader = createClient({
    baseUrl: stack.urls.http,
    apiKey: stack.secret('load_api_key'),
    maxRetries: 0,
  });
  const servers = async () => {
    for (let reads = 0; reads < 20; reads += 1)
      await reader.get('/api/v1/users', { params: { query: { page: 2 } } });
    const places = [...(await countReads(stack)).keys()];
    return [1, 2].filter((number) => places.some((place) => place.startsWith(`replica_${number}, `)));
  };
  await eventually(servers, (found) => found.length === 2, {
    seconds: 60,
    what: 'reads counted at both',
  });
});

test('a failover among three nodes: the third one follows, and serves also those who have just written', async () => {
  const { output } = await stack.shellOrThrow('make failover TO=postgres-replica');
  expect(output).toContain('postgres-replica-2 follows postgres-replica by itself');
  const admin = await signInTo(stack);
  const caughtUp = async () => {
    await admin.post('/api/v1/suppressions', { body: { email: `${randomUUID()}@example.org` } });
    // Where the replicas are is asked every 250 ms: the first reads after a write are the primary's.
    for (let reads = 0; reads < 100; reads += 1) await admin.get('/api/v1/suppressions');
    const counts = await countReads(stack);
    return ['replica_1', 'replica_2'].reduce((sum, name) => sum + (counts.get(`${name}, caught_up`) ?? 0), 0);
  };
  const before = await caughtUp();
  await eventually(caughtUp, (reads) => reads > before, { seconds: 90, what: 'a writer reads a replica' });
  const rejoined = await stack.shellOrThrow('make rejoin');
  expect(rejoined.output).toContain('postgres streams from postgres-replica');
  await useThePlatform(stack);
});

test("the queue's primary killed under load: no request fails, and every email goes out", async () => {
  const admin = await signInTo(stack);
  const emails: string[] = [];
  const failures: string[] = [];
  let served = 0;
  let isOver = false;
  const lanes = Array.from({ length: LANES }, async () => {
    while (!isOver) {
      try {
        if (served % ROUNDS_AN_EMAIL === 0)
          emails.push(await sendEmail(admin, `${randomUUID()}@example.org`));
        await admin.post('/api/v1/suppressions', { body: { email: `${randomUUID()}@example.org` } });
        await admin.get('/api/v1/users', { params: { query: { page: 2 } } });
        served += 1;
      } catch (error) {
        failures.push(String(error));
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  });
  const untilMore = async () => {
    const before = served;
    await expect.poll(() => served, { timeout: 90_000 }).toBeGreaterThan(before + SOME);
  };
  const killed = await primaryOfQueue();
  const other = NODES.find((node) => node !== killed) as string;
  await untilMore();
  await stack.shellOrThrow(`docker compose kill ${killed}`);
  await untilMore();
  await eventually(
    async () => (await isWhole(other)) && (await askCluster(other, 'cluster nodes')).includes('master,fail'),
    (isServed) => isServed,
    { seconds: 60, what: 'a replica in the place of the killed primary' },
  );
  await untilMore();
  await stack.shellOrThrow(`docker compose start ${killed}`);
  await untilMore();
  isOver = true;
  await Promise.all(lanes);
  await untilSent(admin, emails);
  console.info(
    `${killed} killed: ${served} rounds of requests, ${failures.length} failed; ${emails.length} emails sent`,
  );
  expect(failures).toEqual([]);
});

test('`make up PHASE=1` takes out what phase 3 had put in, and loses no row, no email and no setting of a person', async () => {
  const admin = await signInTo(stack);
  const { data: user } = await admin.post('/api/v1/users', {
    body: { email: `${randomUUID()}@example.org`, name: 'Stays', password: `pass-${randomUUID()}` },
  });
  // The queue of these goes with the cluster: the sweeper puts them into the one that is there then.
  const emails = await Promise.all(
    Array.from({ length: 20 }, () => sendEmail(admin, `${randomUUID()}@example.org`)),
  );
  const { output } = await stack.shellOrThrow('make up PHASE=1', { timeoutSeconds: 600 });
  expect(output).toMatch(/yours, so it stays +is +the phase has\nAPP_INSTANCES +3 +2\n/);
  expect(output).toContain('Dropped replica_2');

  const services = await servicesOf(stack);
  expect(['redis', 'redis-queue', 'postgres-replica'].filter((name) => !services.has(name))).toEqual([]);
  expect([...NODES, 'postgres-replica-2'].filter((name) => services.has(name))).toEqual([]);
  const settings = readFileSync(stack.envFile, 'utf8');
  for (const [name, value] of Object.entries(OWN_SIZES)) expect(settings).toContain(`\n${name}=${value}\n`);
  expect(settings).not.toMatch(/redis-cluster|scale\.yml/);
  const again = await signInTo(stack);
  const { data: found } = await again.get('/api/v1/users/{id}', { params: { path: { id: user.id } } });
  expect(found).toMatchObject({ id: user.id, name: 'Stays' });
  await untilSent(again, emails);
  await useThePlatform(stack);
});

test('`make reset` wipes the data of the nodes that phase 1 has left out, too', async () => {
  const volumes = async () =>
    (
      await stack.shellOrThrow(
        `docker volume ls -q --filter label=com.docker.compose.project=${stack.project}`,
      )
    ).stdout;
  expect(await volumes()).toContain('redis-cluster-6-data');
  await stack.shellOrThrow('YES=1 make reset');
  expect(await volumes()).toBe('');
});
