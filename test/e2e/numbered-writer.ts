/**
 * Runs inside of an app's container (the constants come from numbered-rows.ts): writers that insert one numbered row a
 * transaction through PgBouncer, each number once, until standard input ends. What it prints as JSON is what was
 * acknowledged, and when nothing was.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

declare const WRITERS: number;
declare const TABLE: string;

/** What is used of node-postgres, which is not resolved from this folder but from the image's. */
interface Pool {
  query(text: string, values: number[]): Promise<unknown>;
  on(event: 'error', listener: () => void): void;
  end(): Promise<void>;
}
type PoolOptions = { connectionString: string; max: number; connectionTimeoutMillis: number };
const pg: { Pool: new (options: PoolOptions) => Pool } = createRequire('/app/packages/db/package.json')('pg');
const url = new URL(process.env['DATABASE_URL'] ?? '');
url.password = readFileSync(process.env['DB_PASSWORD_FILE'] ?? '', 'utf8').trim();

const acknowledged: number[] = [];
const failures: Record<string, number> = {};
let next = 0;
let isStopping = false;
let lastAtMs = performance.now();
let longestGapMs = 0;

const pool = new pg.Pool({ connectionString: url.href, max: WRITERS, connectionTimeoutMillis: 15_000 });
pool.on('error', () => undefined);

async function write(): Promise<void> {
  while (!isStopping) {
    next += 1;
    const number = next;
    try {
      await pool.query(`insert into ${TABLE} (number) values ($1)`, [number]);
      acknowledged.push(number);
      longestGapMs = Math.max(longestGapMs, performance.now() - lastAtMs);
      lastAtMs = performance.now();
      if (acknowledged.length === 1) process.stdout.write('writing\n');
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      failures[reason] = (failures[reason] ?? 0) + 1;
      // The next attempt of each writer is soon, so the gap is measured to a few milliseconds.
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

process.stdin.resume();
process.stdin.on('end', () => {
  isStopping = true;
});
await Promise.all(Array.from({ length: WRITERS }, write));
await pool.end();
process.stdout.write(`${JSON.stringify({ acknowledged, failures, longestGapMs })}\n`);
