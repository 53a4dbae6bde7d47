/**
 * Runs inside an app's container, which reaches every instance directly: asks all of them again and again, takes
 * something away through nginx, and sees how long each of them still gives it. One process and one clock for all
 * of it. Prints a {@link Report} as JSON. Others import its types only.
 */
import { resolve4 } from 'node:dns/promises';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';

export interface Ask {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
}

export interface Specification {
  readonly instances: number;
  /** What is answered with 200 until it is taken away. */
  readonly ask: Ask;
  readonly revocation: Ask;
  /** Redis answers nobody for so long, from the moment before the revocation. */
  readonly redisHangsMs?: number;
}

export interface InstanceReport {
  readonly address: string;
  /** When the last request that was still served was sent, after the revocation's answer; may be negative. */
  readonly lastServedMs: number;
  /** When the first refusal came back, after the revocation's answer. */
  readonly firstRefusedMs: number;
  /** Of every refusal. */
  readonly refusals: readonly number[];
}

export interface Report {
  readonly revocation: { readonly status: number; readonly durationMs: number };
  /** From the moment in which Redis hung to the revocation's answer; 0 where it didn't. */
  readonly hungBeforeMs: number;
  readonly instances: readonly InstanceReport[];
}

/** Stands before this text when it is run. */
declare const specification: Specification;

/** A new request in this time, whatever became of the one before. */
const INTERVAL_MS = 50;
const SERVED_BEFORE = 5;
const REFUSALS_WANTED = 5;
const DEADLINE_MS = 20_000;

interface Sample {
  readonly sentMs: number;
  readonly answeredMs: number;
  readonly status: number;
}

async function send(base: string, { method, path, headers }: Ask): Promise<Sample> {
  const sentMs = performance.now();
  const response = await fetch(base + path, { method, headers, signal: AbortSignal.timeout(DEADLINE_MS) });
  await response.arrayBuffer();
  return { sentMs, answeredMs: performance.now(), status: response.status };
}

/** Asks one instance at a fixed rate until it has refused often enough. */
function watch(address: string): { samples: Sample[]; done: Promise<void> } {
  const samples: Sample[] = [];
  const isDone = () => samples.filter(({ status }) => status !== 200).length >= REFUSALS_WANTED;
  const done = (async () => {
    const inFlight: Promise<void>[] = [];
    const deadline = performance.now() + DEADLINE_MS;
    while (!isDone() && performance.now() < deadline) {
      inFlight.push(
        send(`http://${address}:3000`, specification.ask).then((sample) => void samples.push(sample)),
      );
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
    }
    await Promise.all(inFlight);
  })();
  return { samples, done };
}

async function hangRedis(durationMs: number): Promise<Socket> {
  const socket = connect(6379, 'redis');
  await once(socket, 'connect');
  socket.write(`AUTH ${readFileSync('/run/secrets/redis_password', 'utf8').trim()}\r\n`);
  await once(socket, 'data');
  socket.write(`CLIENT PAUSE ${durationMs} ALL\r\n`);
  await once(socket, 'data');
  return socket;
}

/** Redis answers this when it goes on. */
async function untilRedisGoesOn(socket: Socket): Promise<void> {
  socket.write('PING\r\n');
  await once(socket, 'data');
  socket.destroy();
}

async function probe(): Promise<Report> {
  const addresses = await resolve4('app');
  if (addresses.length !== specification.instances) throw new Error(`found ${addresses.join(', ')}`);
  const watched = addresses.map((address) => ({ address, ...watch(address) }));
  const isServed = ({ samples }: { samples: Sample[] }) => samples.length >= SERVED_BEFORE;
  const deadline = performance.now() + DEADLINE_MS;
  while (!watched.every(isServed)) {
    if (performance.now() > deadline) throw new Error('not every instance answers');
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
  const early = watched.flatMap(({ samples }) => samples).filter(({ status }) => status !== 200);
  if (early.length > 0) throw new Error(`answered before the revocation: ${JSON.stringify(early)}`);

  const { redisHangsMs } = specification;
  const redis = redisHangsMs === undefined ? undefined : await hangRedis(redisHangsMs);
  const hungAtMs = performance.now();
  const revocation = await send('http://nginx:8080', specification.revocation);
  await Promise.all(watched.map(({ done }) => done));
  if (redis !== undefined) await untilRedisGoesOn(redis);

  return {
    revocation: { status: revocation.status, durationMs: revocation.answeredMs - revocation.sentMs },
    hungBeforeMs: redis === undefined ? 0 : revocation.answeredMs - hungAtMs,
    instances: watched.map(({ address, samples }) => {
      const served = samples.filter(({ status }) => status === 200);
      const refused = samples.filter(({ status }) => status !== 200);
      return {
        address,
        lastServedMs: Math.max(...served.map(({ sentMs }) => sentMs)) - revocation.answeredMs,
        firstRefusedMs: Math.min(...refused.map(({ answeredMs }) => answeredMs)) - revocation.answeredMs,
        refusals: refused.map(({ status }) => status),
      };
    }),
  };
}

process.stdout.write(JSON.stringify(await probe()));
