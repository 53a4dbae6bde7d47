/**
 * Reads and writes through nginx while a test does something to the stack: one after another in a few lanes, or each when
 * it is due.
 */
import { randomUUID } from 'node:crypto';
import { type CallOptions, call, signIn } from './client.ts';
import { secret } from './stack.ts';

export interface Outcome {
  /** As in "GET 200", "POST 503 SERVICE_UNAVAILABLE", "GET no answer: …". */
  readonly what: string;
  readonly isGood: boolean;
  /** A 503 that says so in the contract's envelope. */
  readonly isHonest503: boolean;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

export interface Load {
  readonly outcomes: readonly Outcome[];
  stop(): Promise<readonly Outcome[]>;
}

const LANES = 8;
/** 8 lanes of it are some 200 requests a second on an idle machine: steady, and not all that it can do. */
const PAUSE_MS = 20;

interface Kind {
  readonly method: string;
  ask(): ReturnType<typeof call>;
}

/** Lists, permission checks, and suppressions, which are a row each with its audit row. */
async function mixedKinds(
  options: { headers?: () => Record<string, string> } = {},
): Promise<readonly Kind[]> {
  const token = await signIn();
  const apiKey = secret('load_api_key');
  const get = (credential: CallOptions): Kind => ({
    method: 'GET',
    ask: () => call('GET', '/api/v1/users?pageSize=5', credential),
  });
  const post = (path: string, credential: CallOptions, body: () => unknown): Kind => ({
    method: 'POST',
    ask: () => call('POST', path, { ...credential, body: body(), headers: options.headers?.() ?? {} }),
  });
  return [
    get({ apiKey }),
    post('/api/v1/suppressions', { token }, () => ({ email: `${randomUUID()}@example.org` })),
    get({ token }),
    post('/api/v1/permissions/check', { apiKey }, () => ({ permission: 'read:any:user' })),
  ];
}

/** Of an open model: what becomes of one request holds up no other, as with callers who don't know of each other. */
export interface OpenLoad extends Load {
  /** Sent, failed, and the slowest, counted from the moment at which it was due. */
  summary(): string;
}

/** Every POST with an Idempotency-Key of its own. The rate is one that a busy machine with two cores bears beside the stack and the tests. */
export async function startOpenLoad(ratePerSecond = 20): Promise<OpenLoad> {
  const kinds = await mixedKinds({ headers: () => ({ 'idempotency-key': randomUUID() }) });
  const outcomes: Outcome[] = [];
  const inFlight = new Set<Promise<void>>();
  const startedAtMs = performance.now();
  let sent = 0;
  const sendWhatIsDue = () => {
    const due = Math.floor(((performance.now() - startedAtMs) / 1000) * ratePerSecond);
    for (; sent < due; sent += 1) {
      const dueAtMs = startedAtMs + (sent / ratePerSecond) * 1000;
      const answered = observe(kinds[sent % kinds.length] as Kind, dueAtMs).then((outcome) => {
        outcomes.push(outcome);
        inFlight.delete(answered);
      });
      inFlight.add(answered);
    }
  };
  const ticks = setInterval(sendWhatIsDue, 10);
  return {
    outcomes,
    async stop() {
      clearInterval(ticks);
      await Promise.all(inFlight);
      return outcomes;
    },
    summary() {
      const failed = outcomes.filter(({ isGood }) => !isGood);
      // Not Math.max(...): there may be more of them than arguments fit.
      const slowestMs = outcomes.reduce((most, one) => Math.max(most, one.endedAtMs - one.startedAtMs), 0);
      return (
        `${outcomes.length} requests at ${ratePerSecond}/s, ${failed.length} failed, ` +
        `the slowest ${(slowestMs / 1000).toFixed(2)} s (${countsOf(outcomes)})`
      );
    },
  };
}

export async function startMixedLoad(): Promise<Load> {
  const kinds = await mixedKinds();
  const outcomes: Outcome[] = [];
  let isOver = false;
  let next = 0;
  const lane = async () => {
    while (!isOver) {
      outcomes.push(await observe(kinds[next++ % kinds.length] as Kind));
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };
  const lanes = Promise.all(Array.from({ length: LANES }, lane));
  return {
    outcomes,
    async stop() {
      isOver = true;
      await lanes;
      return outcomes;
    },
  };
}

/** Resolves once so many more requests have had a good answer: the load is at work, or is again. */
export async function untilServed(load: Load, wanted: number, seconds: number): Promise<void> {
  const since = performance.now();
  const deadline = since + seconds * 1000;
  const good = () => load.outcomes.filter((one) => one.isGood && one.startedAtMs > since).length;
  while (good() < wanted) {
    if (performance.now() > deadline)
      throw new Error(`${good()} of ${wanted} requests served in ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** How many of each answer. */
export function countsOf(outcomes: readonly Outcome[]): string {
  const counts = new Map<string, number>();
  for (const { what } of outcomes) counts.set(what, (counts.get(what) ?? 0) + 1);
  return [...counts]
    .toSorted(([one], [other]) => one.localeCompare(other))
    .map(([what, count]) => `${what}: ${count}`)
    .join(', ');
}

async function observe({ method, ask }: Kind, startedAtMs = performance.now()): Promise<Outcome> {
  const outcome = (what: string, isGood: boolean, isHonest503: boolean): Outcome => ({
    what: `${method} ${what}`,
    isGood,
    isHonest503,
    startedAtMs,
    endedAtMs: performance.now(),
  });
  try {
    const { status, body } = await ask();
    if (status < 400) return outcome(String(status), true, false);
    const code = body?.success === false ? body.error?.code : 'no envelope';
    return outcome(`${status} ${code}`, false, status === 503 && code === 'SERVICE_UNAVAILABLE');
  } catch (error) {
    return outcome(`no answer: ${error instanceof Error ? error.message : String(error)}`, false, false);
  }
}
