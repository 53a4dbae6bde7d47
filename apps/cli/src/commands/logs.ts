import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { createPrettyLog } from '../pretty-log.ts';

export function addLogsCommand(program: Command): void {
  program
    .command('logs')
    .description('the log lines on standard input, for people: what make logs shows')
    .option('--colour', 'also where the output is no terminal', false)
    .action(async ({ colour }: { colour: boolean }) => {
      const pretty = createPrettyLog({ hasColour: colour });
      for await (const line of createInterface({
        input: process.stdin,
        crlfDelay: Number.POSITIVE_INFINITY,
      })) {
        process.stdout.write(`${pretty(line)}\n`);
      }
    });
}
