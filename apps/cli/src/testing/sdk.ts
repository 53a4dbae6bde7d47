/** For tests: the real process of the command line, on a database of the test's own. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { createTestDatabase, type TestDatabase } from '@sv-sdk/db/testing';
import pg from 'pg';
import { onTestFinished } from 'vitest';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const LIMIT_MS = 45_000;

export const ADMIN_PASSWORD = 'correct horse battery';
export const ADMIN_EMAIL = 'admin@example.com';
export const LOAD_KEY = `sv_${'0123456789abcdef'.repeat(3)}`;

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TestSdk {
  readonly database: TestDatabase;
  /** As the superuser. */
  readonly admin: pg.Client;
  readonly environment: Record<string, string>;
  run(args: readonly string[], options?: { input?: string; env?: Record<string, string> }): Promise<Outcome>;
  /** The same with --json; fails unless standard output is one JSON value and nothing else. */
  // biome-ignore lint/suspicious/noExplicitAny: the tests assert on the shape themselves
  json(args: readonly string[], options?: { input?: string }): Promise<{ exitCode: number; answer: any }>;
  /** The process, for a test that stops it; `exited` when it has ended. */
  start(args: readonly string[]): { child: ChildProcess; exited: Promise<Outcome> };
  // biome-ignore lint/suspicious/noExplicitAny: rows are what the query says
  query(statement: string, values?: unknown[]): Promise<any[]>;
}

function startSdk(args: readonly string[], env: Record<string, string>) {
  const child = spawn(process.execPath, [MAIN, ...args], { env, timeout: LIMIT_MS });
  const exited = Promise.all([
    new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? -1))),
    text(child.stdout),
    text(child.stderr),
  ]).then(([exitCode, stdout, stderr]) => ({ exitCode, stdout, stderr }));
  return { child, exited };
}

/** The process to its end, for a test that brings its own servers. */
export async function runSdk(
  args: readonly string[],
  env: Record<string, string>,
  input = '',
): Promise<Outcome> {
  const { child, exited } = startSdk(args, env);
  child.stdin.end(input);
  return await exited;
}

/** Started for one test, with a migrated database, and removed at its end. */
export async function startTestSdk(): Promise<TestSdk> {
  const database = await createTestDatabase();
  const admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  onTestFinished(async () => {
    await admin.end();
    await database.drop();
  });
  const environment = {
    DATABASE_DIRECT_URL: database.directUrl,
    DB_OWNER_PASSWORD: new URL(database.directUrl).password,
    DATABASE_URL: database.pooledUrl,
    DB_PASSWORD: new URL(database.pooledUrl).password,
    SV_ADMIN_EMAIL: ADMIN_EMAIL,
    ADMIN_PASSWORD,
    LOAD_API_KEY: LOAD_KEY,
    LOG_LEVEL: 'warn',
  };

  const start = (args: readonly string[], env: Record<string, string> = environment) => startSdk(args, env);
  const run: TestSdk['run'] = async (args, { input, env } = {}) => {
    const { child, exited } = start(args, { ...environment, ...env });
    child.stdin.end(input ?? '');
    return await exited;
  };
  return {
    database,
    admin,
    environment,
    run,
    start,
    async json(args, options) {
      const { exitCode, stdout } = await run([...args, '--json'], options);
      return { exitCode, answer: JSON.parse(stdout) };
    },
    query: async (statement, values) => (await admin.query(statement, values)).rows,
  };
}

/**
 * Runs the command on a terminal, with these answers typed one after another, each when its question has been
 * asked: `script` of util-linux makes the terminal, as Node can't.
 */
export async function runOnTerminal(
  sdk: TestSdk,
  args: readonly string[],
  answers: readonly { readonly to: string; readonly type: string }[],
): Promise<{ exitCode: number; screen: string }> {
  const quoted = [process.execPath, MAIN, ...args].map((part) => `'${part}'`).join(' ');
  return await new Promise((resolve) => {
    const child = execFile(
      'script',
      ['--quiet', '--return', '--echo', 'never', '--command', quoted, '/dev/null'],
      { env: { ...sdk.environment, PATH: process.env['PATH'] ?? '', SHELL: '/bin/sh' }, timeout: LIMIT_MS },
      (_error, stdout) => resolve({ exitCode: child.exitCode ?? -1, screen: stdout }),
    );
    let shown = '';
    const waiting = [...answers];
    child.stdout?.on('data', (chunk: string) => {
      shown += chunk;
      const [next] = waiting;
      if (next === undefined || !shown.includes(next.to)) return;
      waiting.shift();
      shown = '';
      child.stdin?.write(next.type);
    });
  });
}
