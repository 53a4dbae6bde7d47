import { type Client, createClient } from '@sv-sdk/client';
import { adminEmail, secret, urls } from './stack.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: the tests assert on the shape themselves
  readonly body: any;
}

export interface CallOptions {
  readonly token?: string;
  readonly apiKey?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/**
 * The platform's own client, through nginx, for one caller. Without retries: a test that passes at the second attempt
 * has seen a failure.
 */
export const clientOf = (credential: { token?: string; apiKey?: string } = {}): Client =>
  createClient({ baseUrl: urls.http, timeoutSeconds: 15, maxRetries: 0, ...credential });

/**
 * One raw request through nginx, for what is about HTTP itself, with a time limit; the answer's body parsed where
 * it is JSON.
 */
export async function call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  const headers: Record<string, string> = { ...options.headers };
  if (options.token !== undefined) headers['authorization'] = `Bearer ${options.token}`;
  if (options.apiKey !== undefined) headers['x-api-key'] = options.apiKey;
  const init: RequestInit = { method, headers, signal: AbortSignal.timeout(15_000) };
  if (options.body !== undefined) {
    headers['content-type'] = 'application/json';
    init.body = JSON.stringify(options.body);
  }
  const response = await fetch(urls.http + path, init);
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

/** The administrator's bearer token. */
export async function signIn(): Promise<string> {
  const { data } = await clientOf().post('/api/v1/auth/login', {
    body: { email: adminEmail, password: secret('admin_password') },
  });
  return data.token;
}

/**
 * What Prometheus scrapes now, of one job or of all, with the health of each. A query for `up` also answers with what
 * is 5 minutes gone, also its last 0. The autoscaler, whose profile is off, is left out.
 */
export async function scrapeTargets(
  job?: string,
  prometheus = urls.prometheus,
): Promise<{ job: string; instance: string; health: string }[]> {
  const ofJob = job === undefined ? '' : `&scrapePool=${job}`;
  const response = await fetch(`${prometheus}/api/v1/targets?state=active${ofJob}`);
  const { data } = (await response.json()) as {
    data: { activeTargets: { labels: { job: string; instance: string }; health: string }[] };
  };
  return data.activeTargets
    .map(({ labels, health }) => ({ job: labels.job, instance: labels.instance, health }))
    .filter((target) => target.job !== 'autoscaler');
}

/** The value of an instant query, one entry a series. */
export async function query(
  expression: string,
  prometheus = urls.prometheus,
): Promise<{ labels: Record<string, string>; value: number }[]> {
  const response = await fetch(`${prometheus}/api/v1/query?${new URLSearchParams({ query: expression })}`);
  const { data } = (await response.json()) as {
    data: { result: { metric: Record<string, string>; value: [number, string] }[] };
  };
  return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
}

/**
 * Asks until `isDone`, then gives the answer; past the limit it fails with the last one. This is waiting for an
 * event that the other side can only be asked about (a scrape, a mail on its way), never a fixed pause.
 */
export async function eventually<T>(
  ask: () => Promise<T>,
  isDone: (answer: T) => boolean,
  options: { seconds: number; what: string },
): Promise<T> {
  const deadline = performance.now() + options.seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (isDone(answer)) return answer;
    if (performance.now() > deadline) {
      throw new Error(
        `${options.what}: not within ${options.seconds} s; last seen ${JSON.stringify(answer)}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
