/** What test files do with a stack that they start for themselves, with settings of its own. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Client, createClient } from '@sv-sdk/client';
import { expect } from 'vitest';
import { eventually } from './client.ts';
import { adminEmail, repository, type Stack } from './stack.ts';

/**
 * As a person does: the example, with one's own values. BALANCER_PREFIX must be among them, free wherever Docker chooses
 * by itself, and not where `make up` looks for one.
 */
export function writeSettings(
  stack: Stack,
  settings: Record<string, string> & { BALANCER_PREFIX: string },
): void {
  const own: Record<string, string> = {
    ...stack.firstSettings,
    COMPOSE_PROJECT_NAME: stack.project,
    ...settings,
  };
  const example = readFileSync(join(repository, '.env.example'), 'utf8');
  const kept = example
    .split('\n')
    .filter((line) => !(line.split('=')[0] ?? '').match(/^[A-Z]/) || !own[line.split('=')[0] ?? '']);
  mkdirSync(dirname(stack.envFile), { recursive: true });
  writeFileSync(
    stack.envFile,
    [...kept, ...Object.entries(own).map(([name, value]) => `${name}=${value}`), ''].join('\n'),
  );
}

/** Names of the services that have a container. */
export async function servicesOf(stack: Stack): Promise<Set<string>> {
  const { stdout } = await stack.shellOrThrow("docker compose ps --all --format '{{.Service}}'");
  return new Set(stdout.split('\n').filter((line) => line !== ''));
}

/** A client of the administrator. */
export async function signInTo(stack: Stack): Promise<Client> {
  const options = { baseUrl: stack.urls.http, timeoutSeconds: 15, maxRetries: 0 };
  const { data } = await createClient(options).post('/api/v1/auth/login', {
    body: { email: adminEmail, password: stack.secret('admin_password') },
  });
  return createClient({ ...options, token: data.token });
}

/** Accepted for sending; its id. */
export async function sendEmail(client: Client, to: string): Promise<string> {
  const { data } = await client.post('/api/v1/emails', {
    body: {
      to,
      template: 'notification',
      variables: { name: 'Ada', title: 'Elsewhere', message: 'It runs.' },
    },
  });
  return data.ids[0] as string;
}

export async function untilSent(client: Client, ids: readonly string[]): Promise<void> {
  const unsent = new Set(ids);
  const look = async () => {
    for (const id of unsent) {
      const { data } = await client.get('/api/v1/emails/{id}', { params: { path: { id } } });
      if (data.status === 'sent') unsent.delete(id);
    }
    return unsent.size;
  };
  await eventually(look, (count) => count === 0, { seconds: 240, what: 'every email sent' });
}

/** A write, its read, and an email with its way through outbox, queue, worker and SMTP. */
export async function useThePlatform(stack: Stack): Promise<void> {
  const admin = await signInTo(stack);
  const email = `${randomUUID()}@example.org`;
  const { data: created } = await admin.post('/api/v1/users', {
    body: { email, name: 'Ada Lovelace', password: `pass-${randomUUID()}` },
  });
  const { data: own } = await admin.get('/api/v1/users/{id}', { params: { path: { id: created.id } } });
  expect(own).toMatchObject({ id: created.id, email });
  await untilSent(admin, [await sendEmail(admin, email)]);
}

export interface Reads {
  readonly sent: number;
  /** What was not answered with 200: the statuses, or why there was none. */
  readonly failed: readonly string[];
  /** The longest time between two answers with 200 that had another one between them. */
  readonly breakSeconds: number;
}

/** A GET every 50 ms, until it is stopped. */
export function startReads(stack: Stack): { stop(): Promise<Reads> } {
  const failed: string[] = [];
  let breakSeconds = 0;
  let servedAtMs: number | undefined;
  let hasFailedSince = false;
  const inFlight = new Set<Promise<void>>();
  let sent = 0;
  const headers = { 'x-api-key': stack.secret('load_api_key') };
  const ask = async () => {
    const fail = (what: string) => {
      failed.push(what);
      hasFailedSince = true;
    };
    const succeed = () => {
      const now = performance.now();
      if (hasFailedSince && servedAtMs !== undefined) {
        breakSeconds = Math.max(breakSeconds, (now - servedAtMs) / 1000);
      }
      servedAtMs = now;
      hasFailedSince = false;
    };
    try {
      const { status } = await fetch(`${stack.urls.http}/api/v1/users?pageSize=5`, { headers });
      if (status === 200) succeed();
      else fail(String(status));
    } catch (error) {
      fail(String(error));
    }
  };
  const timer = setInterval(() => {
    sent += 1;
    const one = ask().finally(() => inFlight.delete(one));
    inFlight.add(one);
  }, 50);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(inFlight);
      return { sent, failed, breakSeconds };
    },
  };
}
