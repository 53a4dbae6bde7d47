/** For tests: the API as a process of its own, as the stack runs it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createTestDatabase, type TestDatabase } from '@sv-sdk/db/testing';
import { onTestFinished, vi } from 'vitest';
import { SECRET } from './api.ts';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));

export interface Running {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  output(): string;
  /** The fields of the line with this message, once it is there. */
  logged(message: string): Promise<Record<string, unknown>>;
}

export function runApi(environment: Record<string, string>): Running {
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      output += String(chunk);
    });
  }
  const logged = (message: string) =>
    vi.waitFor(
      () => {
        const line = output.split('\n').find((text) => text.includes(`"msg":"${message}"`));
        if (line === undefined) throw new Error(`"${message}" is not in the log:\n${output}`);
        return JSON.parse(line) as Record<string, unknown>;
      },
      { timeout: 15_000, interval: 50 },
    );
  return { child, exited, output: () => output, logged };
}

/** 0 is no port that a person may set; so ask for one, and give it back. */
export async function freePort(): Promise<string> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return String(typeof address === 'object' ? address?.port : address);
}

/** What it needs to run; on a database of the test's own unless one is given. */
export async function environmentOf(
  overrides: Record<string, string> = {},
  given?: TestDatabase,
): Promise<Record<string, string>> {
  const database = given ?? (await createTestDatabase());
  if (given === undefined) onTestFinished(() => database.drop());
  const url = new URL(database.pooledUrl);
  const password = url.password;
  url.password = '';
  return {
    DATABASE_URL: url.href,
    DB_PASSWORD: password,
    REDIS_URL: 'redis://127.0.0.1:1',
    REDIS_QUEUE_URL: 'redis://127.0.0.1:1',
    BETTER_AUTH_SECRET: SECRET,
    ENCRYPTION_KEY: 'fedcba9876543210'.repeat(4),
    BETTER_AUTH_URL: 'http://localhost:3000',
    HTTP_LISTEN_PORT: await freePort(),
    OPERATIONS_PORT: await freePort(),
    DRAIN_SECONDS: '1',
    ...overrides,
  };
}
