/**
 * An open loop: each request goes out when it is due, whatever became of those before, and its time counts from then.
 * Not autocannon's `overallRate`, which sends what a connection has to send in a second at the second's beginning.
 */
import { Agent, request } from 'node:http';
import { request as requestHttps } from 'node:https';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type Ask, createRecorder, type Run } from './run.ts';

const TICK_MS = 2;
/** So many seconds' requests waiting, and nobody is served any more: the run has failed. */
const GIVE_UP_SECONDS = 3;
export const TIMEOUT_MS = 10_000;

export interface OpenRun extends Run {
  /** How late the generator itself was, which is in the latencies: on a machine of its own it would hardly be. */
  readonly ownDelayP99Ms: number;
}

export async function runOpen(
  next: () => Ask,
  options: { ratePerSecond: number; seconds: number },
): Promise<OpenRun> {
  const { ratePerSecond, seconds } = options;
  const total = Math.floor(seconds * ratePerSecond);
  const ownDelay = monitorEventLoopDelay({ resolution: 1 });
  ownDelay.enable();
  const agent = new Agent({ keepAlive: true });
  const recorder = createRecorder();
  const inFlight = new Set<Promise<void>>();
  let fault: string | undefined;
  let served = 0;
  let sent = 0;
  const startedAtMs = performance.now();
  const send = (dueAtMs: number) => {
    const answered = askOnce(next(), agent)
      .then(
        () => {
          recorder.record(performance.now() - dueAtMs);
          served += 1;
        },
        (error: unknown) => {
          fault ??= String(error);
        },
      )
      .finally(() => inFlight.delete(answered));
    inFlight.add(answered);
  };
  try {
    await new Promise<void>((resolve) => {
      const ticks = setInterval(() => {
        const elapsedSeconds = (performance.now() - startedAtMs) / 1000;
        // The first at the beginning: without the one they would all be sent when the next is due.
        const due = Math.min(Math.floor(elapsedSeconds * ratePerSecond) + 1, total);
        for (; sent < due; sent += 1) send(startedAtMs + (sent / ratePerSecond) * 1000);
        if (inFlight.size > ratePerSecond * GIVE_UP_SECONDS) {
          fault ??= `${inFlight.size} requests wait`;
        } else if (elapsedSeconds < seconds && fault === undefined) return;
        clearInterval(ticks);
        resolve();
      }, TICK_MS);
    });
    await Promise.all(inFlight);
  } finally {
    ownDelay.disable();
    agent.destroy();
  }
  return {
    perSecond: served / ((performance.now() - startedAtMs) / 1000),
    latency: recorder.latency(),
    ownDelayP99Ms: ownDelay.percentile(99) / 1e6,
    fault,
  };
}

/** Rejects unless the answer is 200 with the expected body. */
export function askOnce(ask: Ask, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const sending = (ask.url.startsWith('https:') ? requestHttps : request)(ask.url, {
      agent,
      method: ask.method ?? 'GET',
      headers: ask.headers ?? {},
      timeout: TIMEOUT_MS,
    });
    sending.on('timeout', () => sending.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    sending.on('error', reject);
    sending.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200 && ask.isExpected(body)) resolve();
        else reject(new Error(`answered with ${response.statusCode}: ${body.slice(0, 200)}`));
      });
    });
    sending.end(ask.body);
  });
}
