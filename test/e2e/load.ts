/** Reads and writes through nginx, one after another in a few lanes, while a test does something to the stack. */
import { randomUUID } from 'node:crypto';
import { call, signIn } from './client.ts';
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

/** Lists, permission checks, and suppressions, which are a row each with its audit row. */
export async function startMixedLoad(): Promise<Load> {
  const token = await signIn();
  const apiKey = secret('load_api_key');
  const kinds = [
    () => call('GET', '/api/v1/users?pageSize=5', { apiKey }),
    () => call('POST', '/api/v1/suppressions', { token, body: { email: `${randomUUID()}@example.org` } }),
    () => call('GET', '/api/v1/users?pageSize=5', { token }),
    () => call('POST', '/api/v1/permissions/check', { apiKey, body: { permission: 'read:any:user' } }),
  ] as const;
  const methods = ['GET', 'POST', 'GET', 'POST'] as const;
  const outcomes: Outcome[] = [];
  let isOver = false;
  let next = 0;
  const lane = async () => {
    while (!isOver) {
      const index = next++ % kinds.length;
      outcomes.push(await observe(methods[index] ?? '', kinds[index] as (typeof kinds)[0]));
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

async function observe(method: string, ask: () => ReturnType<typeof call>): Promise<Outcome> {
  const startedAtMs = performance.now();
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
