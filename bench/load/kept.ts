/**
 * A closed loop over kept connections, one request at a time on each, by HTTP/1.1, the same over TLS, and HTTP/2 over TLS:
 * Node's own client each time, so that what differs is the protocol. Slower than autocannon (closed.ts), which has no HTTP/2.
 */
import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { Agent as TlsAgent } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import { askOnce, TIMEOUT_MS } from './open.ts';
import { type Ask, createRecorder, type Run } from './run.ts';

/** One of the loop's lanes. */
export interface Lane {
  /** Rejects unless the answer is as expected. */
  ask(): Promise<void>;
  close(): void;
}

export type OpenLane = () => Promise<Lane>;

/** A connection of its own, and so a whole handshake of its own. */
export function keptHttp1(ask: Ask, tls?: ConnectionOptions): OpenLane {
  return async () => {
    const kept = { keepAlive: true, maxSockets: 1 };
    const agent = tls === undefined ? new Agent(kept) : new TlsAgent({ ...tls, ...kept });
    return { ask: () => askOnce(ask, agent), close: () => agent.destroy() };
  };
}

export function keptHttp2(ask: Ask, tls: ConnectionOptions): OpenLane {
  const path = ask.url.slice(new URL(ask.url).origin.length);
  return async () => {
    const session = connectHttp2(ask.url, tls);
    await once(session, 'connect');
    // Each request that it takes with it is rejected by itself.
    session.on('error', () => {});
    const askHere = () =>
      new Promise<void>((resolve, reject) => {
        const stream = session.request({ ...ask.headers, ':method': ask.method ?? 'GET', ':path': path });
        let status: number | undefined;
        let body = '';
        stream.setTimeout(TIMEOUT_MS, () => stream.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
        stream.on('response', (headers) => {
          status = headers[':status'];
        });
        stream.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk;
        });
        stream.on('error', reject);
        stream.on('end', () => {
          if (status === 200 && ask.isExpected(body)) resolve();
          else reject(new Error(`answered with ${status}: ${body.slice(0, 200)}`));
        });
        // One that is cut off may close without an error.
        stream.on('close', () => {
          if (!stream.readableEnded) reject(new Error('the answer was cut off'));
        });
      });
    return { ask: askHere, close: () => session.destroy() };
  };
}

export interface LanesRun extends Run {
  readonly served: number;
  /** Of this process, the opening of the lanes included. */
  readonly clientCpuMs: number;
}

/** The lanes are opened within the time that counts, as their handshakes are part of what connections cost. */
export async function runLanes(
  open: OpenLane,
  { lanes, seconds }: { readonly lanes: number; readonly seconds: number },
): Promise<LanesRun> {
  const recorder = createRecorder();
  let served = 0;
  let fault: string | undefined;
  const cpuBefore = process.cpuUsage();
  const startedAtMs = performance.now();
  const runLane = async () => {
    let lane: Lane | undefined;
    try {
      lane = await open();
      while (fault === undefined && performance.now() - startedAtMs < seconds * 1000) {
        const askedAtMs = performance.now();
        await lane.ask();
        recorder.record(performance.now() - askedAtMs);
        served += 1;
      }
    } catch (error) {
      fault ??= String(error);
    } finally {
      lane?.close();
    }
  };
  await Promise.all(Array.from({ length: lanes }, runLane));
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    perSecond: served / ((performance.now() - startedAtMs) / 1000),
    latency: recorder.latency(),
    fault: served === 0 ? (fault ?? 'nothing was answered') : fault,
    served,
    clientCpuMs: (user + system) / 1000,
  };
}
