/**
 * The whole of ready-dns on real sockets: a DNS server in Docker's place, apps on addresses of the loopback
 * net (127.0.1.x, all on one port, as containers have it), and a resolver in nginx' place.
 */
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { createLogger, createRegistry } from '@sv-sdk/telemetry';
import { type DecodedPacket, streamDecode, streamEncode } from 'dns-packet';
import { afterEach, describe, expect, test } from 'vitest';
import { createDiscovery } from './discovery.ts';
import { Membership } from './membership.ts';
import { createMetrics } from './metrics.ts';
import { createProbe } from './probes.ts';
import { createResponder } from './protocol.ts';
import { startDnsServer } from './server.ts';
import { createWatcher, type Watcher } from './watcher.ts';

const PROBE_TIMEOUT_MS = 200;
const logger = createLogger({ service: 'test', version: 'test', level: 'silent' });
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const resource of open.splice(0).toReversed()) await resource.close();
});

type Behaviour = 'ready' | 'not ready' | 'hanging';

/** Apps on one port of many loopback addresses; an address without behaviour refuses connections. */
async function startApps(addresses: readonly string[]) {
  const behaviours = new Map<string, Behaviour>(addresses.map((address) => [address, 'ready']));
  const servers = new Map<string, Server>();
  let port = 0;
  for (const address of addresses) {
    const server = createServer((request, response) => {
      expect(request.url).toBe('/health/ready');
      const behaviour = behaviours.get(address);
      if (behaviour === 'hanging') return;
      response.writeHead(behaviour === 'ready' ? 200 : 503, { connection: 'close' }).end('{}');
    });
    server.listen(port, address);
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
    servers.set(address, server);
  }
  const stop = async (address: string) => {
    const server = servers.get(address);
    if (!servers.delete(address) || server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  open.push({
    async close() {
      for (const address of [...servers.keys()]) await stop(address);
    },
  });
  return {
    port,
    stop,
    become: (address: string, behaviour: Behaviour) => behaviours.set(address, behaviour),
  };
}

/** What Docker gives each record: a cache between it and us would show. */
const DOCKER_TTL_SECONDS = 600;

/** Docker's DNS: the containers of `app`, by UDP and TCP, or NXDOMAIN when there is none. */
async function startUpstream(first: readonly string[], wantedPort = 0) {
  let addresses: readonly string[] = first;
  const respond = createResponder({
    service: 'app',
    answer: () => addresses,
    ttlSeconds: DOCKER_TTL_SECONDS,
  });
  const server = await startDnsServer({
    port: wantedPort,
    host: '127.0.0.1',
    logger,
    respond(query, transport) {
      const response = respond(query, transport);
      if (addresses.length === 0) response?.writeUInt16BE((response.readUInt16BE(2) & 0xfff0) | 3, 2);
      return response;
    },
  });
  let running = true;
  const close = async () => {
    if (running) await server.close();
    running = false;
  };
  open.push({ close });
  return {
    port: server.port,
    close,
    become(next: readonly string[]) {
      addresses = next;
    },
  };
}

async function startReadyDns(upstreamPort: number, probePort: number) {
  const membership = new Membership();
  const registry = createRegistry({ service: 'ready-dns', version: 'test' });
  const metrics = createMetrics(registry, membership);
  const watcher: Watcher = createWatcher({
    membership,
    discover: createDiscovery({ upstream: `127.0.0.1:${upstreamPort}`, service: 'app' }),
    probe: createProbe({ port: probePort, timeoutMs: PROBE_TIMEOUT_MS }),
    logger,
    onChange: metrics.countChange,
  });
  const server = await startDnsServer({
    port: 0,
    host: '127.0.0.1',
    logger,
    respond: createResponder({
      service: 'app',
      answer: () => membership.answer,
      onQuery: metrics.countQuery,
    }),
  });
  open.push(server, watcher);
  const resolver = new Resolver({ timeout: 1000, tries: 1 });
  resolver.setServers([`127.0.0.1:${server.port}`]);
  return {
    membership,
    watcher,
    registry,
    port: server.port,
    /** What nginx would be told: addresses, or the name of the error. */
    ask: async (name = 'app') => {
      try {
        return (await resolver.resolve4(name)).sort();
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      }
    },
  };
}

async function askByTcp(port: number, ...queries: Buffer[]): Promise<DecodedPacket[]> {
  const connection = connect(port, '127.0.0.1');
  let received = Buffer.alloc(0);
  connection.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
  });
  // One write for all of them: as a pipelining client sends.
  connection.end(Buffer.concat(queries));
  await once(connection, 'close');
  const responses: DecodedPacket[] = [];
  while (received.length > 0) {
    const bytes = 2 + received.readUInt16BE(0);
    responses.push(streamDecode(received.subarray(0, bytes)) as DecodedPacket);
    received = received.subarray(bytes);
  }
  return responses;
}

const A = '127.0.1.1';
const B = '127.0.1.2';

describe('ready-dns', () => {
  test('answers only the one that is ready', async () => {
    const apps = await startApps([A, B]);
    apps.become(B, 'not ready');
    const upstream = await startUpstream([A, B]);
    const dns = await startReadyDns(upstream.port, apps.port);
    await dns.watcher.round();
    expect(await dns.ask()).toEqual([A]);
    apps.become(B, 'ready');
    await dns.watcher.round();
    expect(await dns.ask()).toEqual([A, B]);
  });

  test('takes an instance out after the second 503, not after the first', async () => {
    const apps = await startApps([A, B]);
    const upstream = await startUpstream([A, B]);
    const dns = await startReadyDns(upstream.port, apps.port);
    await dns.watcher.round();
    apps.become(A, 'not ready');
    await dns.watcher.round();
    expect(await dns.ask()).toEqual([A, B]);
    await dns.watcher.round();
    expect(await dns.ask()).toEqual([B]);
  });

  test('answers all of them while none is ready', async () => {
    const apps = await startApps([A, B]);
    const upstream = await startUpstream([A, B]);
    const dns = await startReadyDns(upstream.port, apps.port);
    for (const address of [A, B]) apps.become(address, 'not ready');
    await dns.watcher.round();
    expect(dns.membership.ready).toEqual([]);
    expect(await dns.ask()).toEqual([A, B]);
  });

  test('an instance that hangs on the probe is out, in bounded time, and holds up no other', async () => {
    const apps = await startApps([A, B]);
    const upstream = await startUpstream([A, B]);
    const dns = await startReadyDns(upstream.port, apps.port);
    await dns.watcher.round();
    apps.become(A, 'hanging');
    const startedAtMs = performance.now();
    await dns.watcher.round();
    await dns.watcher.round();
    expect(performance.now() - startedAtMs).toBeLessThan(2 * PROBE_TIMEOUT_MS + 500);
    expect(await dns.ask()).toEqual([B]);
  });

  test('an instance that refuses connections is out', async () => {
    const apps = await startApps([A, B]);
    const upstream = await startUpstream([A, B]);
    const dns = await startReadyDns(upstream.port, apps.port);
    await dns.watcher.round();
    await apps.stop(A);
    await dns.watcher.round();
    await dns.watcher.round();
    expect(await dns.ask()).toEqual([B]);
  });

  test("an instance that vanished from Docker's DNS is dropped at the next round, whatever its TTL was", async () => {
    const apps = await startApps([A, B]);
    const upstream = await startUpstream([A, B]);
    const dns = await startReadyDns(upstream.port, apps.port);
    await dns.watcher.round();
    upstream.become([B]);
    await dns.watcher.round();
    expect(await dns.ask()).toEqual([B]);
    expect(dns.membership.known).toEqual([B]);
  });

  test('all gone is SERVFAIL, and a new one is answered after its first probe', async () => {
    const apps = await startApps([A, B]);
    const upstream = await startUpstream([A]);
    const dns = await startReadyDns(upstream.port, apps.port);
    await dns.watcher.round();
    upstream.become([]);
    await dns.watcher.round();
    expect(await dns.ask()).toBe('ESERVFAIL');
    upstream.become([B]);
    await dns.watcher.round();
    expect(await dns.ask()).toEqual([B]);
  });

  test('60 instances are found, and answered by TCP', async () => {
    const addresses = Array.from({ length: 60 }, (_, index) => `127.0.2.${index + 1}`);
    const apps = await startApps(addresses);
    const upstream = await startUpstream(addresses);
    const dns = await startReadyDns(upstream.port, apps.port);
    await dns.watcher.round();
    const query = streamEncode({
      type: 'query',
      id: 7,
      questions: [{ name: 'app', type: 'A', class: 'IN' }],
    });
    // Twice on one connection, as nginx keeps it.
    const responses = await askByTcp(dns.port, query, query);
    expect(responses).toHaveLength(2);
    for (const response of responses) {
      expect(response.answers?.map((record) => 'data' in record && record.data).sort()).toEqual(
        addresses.toSorted(),
      );
    }
  });

  test('upstream down from the start is SERVFAIL and not healthy; then back, it answers', async () => {
    const apps = await startApps([A]);
    const upstream = await startUpstream([A]);
    await upstream.close();
    const dns = await startReadyDns(upstream.port, apps.port);
    await dns.watcher.round();
    expect(await dns.ask()).toBe('ESERVFAIL');
    expect(dns.membership.complete).toBe(false);
    await startUpstream([A], upstream.port);
    await dns.watcher.round();
    expect(await dns.ask()).toEqual([A]);
    expect(dns.membership.complete).toBe(true);
  });

  test('upstream down later: the known instances stay, and are still probed', async () => {
    const apps = await startApps([A, B]);
    const upstream = await startUpstream([A, B]);
    const dns = await startReadyDns(upstream.port, apps.port);
    await dns.watcher.round();
    await upstream.close();
    apps.become(A, 'not ready');
    await dns.watcher.round();
    await dns.watcher.round();
    expect(await dns.ask()).toEqual([B]);
    await startUpstream([A, B], upstream.port);
    apps.become(A, 'ready');
    await dns.watcher.round();
    expect(await dns.ask()).toEqual([A, B]);
  });

  test('an upstream that never answers holds up no probe for longer than its time limit', async () => {
    const apps = await startApps([A]);
    const silent = createSocket('udp4');
    silent.bind(0, '127.0.0.1');
    await once(silent, 'listening');
    open.push({
      async close() {
        silent.close();
      },
    });
    const dns = await startReadyDns(silent.address().port, apps.port);
    dns.membership.replace([A]);
    const startedAtMs = performance.now();
    await dns.watcher.round();
    expect(performance.now() - startedAtMs).toBeLessThan(900);
    expect(await dns.ask()).toEqual([A]);
  });

  test('garbage by UDP and by TCP stops nothing', async () => {
    const apps = await startApps([A]);
    const upstream = await startUpstream([A]);
    const dns = await startReadyDns(upstream.port, apps.port);
    await dns.watcher.round();
    for (const bytes of [
      Buffer.from([0]),
      Buffer.from([0xff, 0xff, 1, 2, 3]),
      Buffer.from([0, 3, 1, 2, 3]),
      Buffer.concat([Buffer.from([0, 20]), Buffer.alloc(20, 0xc0)]),
    ]) {
      await askByTcp(dns.port, bytes);
    }
    expect(await dns.ask()).toEqual([A]);
  });

  test('the loop runs by itself, and the metrics say what it found', async () => {
    const apps = await startApps([A, B]);
    apps.become(B, 'not ready');
    const upstream = await startUpstream([A, B]);
    const changed = Promise.withResolvers<void>();
    const membership = new Membership();
    const watcher = createWatcher({
      membership,
      discover: createDiscovery({ upstream: `127.0.0.1:${upstream.port}`, service: 'app' }),
      probe: createProbe({ port: apps.port }),
      logger,
      onChange: changed.resolve,
    });
    const registry = createRegistry({ service: 'ready-dns', version: 'test' });
    createMetrics(registry, membership).countQuery('NOERROR');
    watcher.start();
    await changed.promise;
    await watcher.close();
    const text = await registry.metrics();
    expect(text).toContain('sv_ready_dns_instances{state="known"} 2');
    expect(text).toContain('sv_ready_dns_instances{state="ready"} 1');
    expect(text).toContain('sv_ready_dns_queries_total{rcode="NOERROR"} 1');
    expect(text).toContain('sv_ready_dns_changes_total');
  });
});
