import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { wholeNumber } from '../options.ts';
import { print } from '../output.ts';
import { parseMoment, parseNode, planRestore, utc } from '../restore-plan.ts';

interface Options {
  readonly to?: string;
  readonly timeline?: number;
  readonly set?: string;
}

/** For infra/host/restore.sh, which reads the lines that begin with RESTORE_ and shows the others. */
export function addRestorePlanCommand(db: Command): void {
  db.command('restore-plan', { hidden: true })
    .description(
      'what `make restore` would do, from what `backup-restore.sh describe` says on standard input',
    )
    .option('--to <moment>', 'such as "2026-11-23 12:00:00", in UTC')
    .option('--timeline <number>', "another timeline than the data's own", wholeNumber(1, 2 ** 32 - 1))
    .option('--set <label>', 'start from this backup')
    .action(printPlan);
}

async function printPlan(options: Options): Promise<void> {
  const state = parseNode(await text(process.stdin));
  const to = options.to === undefined ? undefined : parseMoment(options.to);
  const plan = planRestore(state, { to, timeline: options.timeline, set: options.set }, new Date());
  const lines = [
    `RESTORE_SET=${plan.set}`,
    `RESTORE_TO=${to === undefined ? '' : to.toISOString().replace('T', ' ').replace('Z', '+00')}`,
    `RESTORE_TIMELINE=${plan.timeline ?? ''}`,
    `RESTORE_BYTES=${plan.databaseBytes}`,
    `to       ${to === undefined ? 'the latest moment that is archived' : utc(to)}`,
    `from     backup ${plan.set} of ${utc(plan.setEndedAt)}, and the WAL since`,
    `size     ${(plan.databaseBytes / 1024 ** 2).toFixed(0)} MiB`,
  ];
  print({ text: lines.join('\n'), json: plan }, false);
}
