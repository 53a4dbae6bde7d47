import { createInterface } from 'node:readline';
import { loadConfig } from '@sv-sdk/config';
import type { Command } from 'commander';
import { createSupportMask, secretsIn } from '../support-mask.ts';

/** Hours of the recorded rules, a value a minute. */
const HOURS = 6;
const STEP_SECONDS = 60;
const ANSWER_LIMIT_MS = 30_000;

export function addSupportCommands(program: Command): void {
  const support = program.command('support').description('what make support collects');
  support
    .command('mask')
    .description('standard input without secrets, addresses of mail and of callers')
    .option('--secrets <folder>', 'a folder with secrets, one a file, which are taken out by their values')
    .action(mask);
  support
    .command('metrics')
    .description(
      `every series as it is now, the recorded rules of the last ${HOURS} hours, alerts, targets; as JSON`,
    )
    .action(printMetrics);
}

async function mask(options: { secrets?: string }): Promise<void> {
  const maskOne = createSupportMask(options.secrets === undefined ? [] : secretsIn(options.secrets));
  const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
  for await (const line of lines) process.stdout.write(`${maskOne(line)}\n`);
}

async function printMetrics(): Promise<void> {
  const { PROMETHEUS_URL: url } = loadConfig(['PROMETHEUS_URL']);
  const now = Math.floor(Date.now() / 1000);
  const ask = async (path: string, parameters: Record<string, string> = {}) => {
    const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(parameters)}`, {
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
    });
    if (!response.ok) throw new Error(`Prometheus answers ${path} with ${response.status}`);
    return ((await response.json()) as { data: unknown }).data;
  };
  const [series, rules, alerts, targets] = await Promise.all([
    ask('query', { query: '{__name__!=""}' }),
    ask('query_range', {
      query: '{__name__=~".+:.+"}',
      start: String(now - HOURS * 3600),
      end: String(now),
      step: String(STEP_SECONDS),
    }),
    ask('alerts'),
    ask('targets', { state: 'active' }),
  ]);
  // A line for each, as what follows works by the line.
  for (const [name, data] of Object.entries({ series, rules, alerts, targets })) {
    process.stdout.write(`${JSON.stringify({ [name]: data })}\n`);
  }
}
