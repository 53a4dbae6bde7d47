/**
 * Numbered rows, written one a transaction through PgBouncer while something happens to the database: what was
 * acknowledged and is missing afterwards is lost.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { environment, onPrimary, repository } from './stack.ts';

const TABLE = 'public.numbered_rows';
const WRITERS = 4;

export interface WriterReport {
  readonly acknowledged: number;
  /** Acknowledged, and not there: what a failover has lost. */
  readonly missing: number;
  /** The longest time in which no write was acknowledged. */
  readonly gapMs: number;
  /** How often a write failed, by what the client was told. */
  readonly failures: Readonly<Record<string, number>>;
}

export interface Writer {
  /** Stops the writers, and compares what they were told with what the primary has. */
  stop(): Promise<WriterReport>;
}

/** Writers on an empty table, in an app's container, at work when this returns. */
export async function startWriter(): Promise<Writer> {
  await onPrimary(
    `drop table if exists ${TABLE}; create table ${TABLE} (number integer primary key); grant insert on ${TABLE} to sv_app`,
  );
  const constants = `const WRITERS = ${WRITERS}; const TABLE = '${TABLE}';\n`;
  const source = readFileSync(new URL('numbered-writer.ts', import.meta.url), 'utf8');
  const child = spawn(
    'docker',
    ['compose', 'exec', '-T', 'app', 'node', '--input-type=module-typescript', '--eval', constants + source],
    { cwd: repository, env: { ...process.env, ...environment }, stdio: ['pipe', 'pipe', 'pipe'] },
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const lines = createInterface({ input: child.stdout });
  const answers = lines[Symbol.asyncIterator]();
  const ended = once(child, 'close');
  const answer = async () => {
    const { done, value } = await answers.next();
    if (done) throw new Error(`the writer ended: ${said}`);
    return value;
  };
  await answer();
  return {
    async stop() {
      child.stdin.end();
      const report = JSON.parse(await answer()) as {
        acknowledged: number[];
        failures: Record<string, number>;
        longestGapMs: number;
      };
      await ended;
      const there = new Set((await onPrimary(`select number from ${TABLE}`)).map(Number));
      return {
        acknowledged: report.acknowledged.length,
        missing: report.acknowledged.filter((number) => !there.has(number)).length,
        gapMs: report.longestGapMs,
        failures: report.failures,
      };
    },
  };
}

export const dropRows = (): Promise<string[]> => onPrimary(`drop table if exists ${TABLE}`);
