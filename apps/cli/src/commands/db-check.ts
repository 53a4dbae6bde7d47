import { loadConfig } from '@sv-sdk/config';
import type { Command } from 'commander';
import { ExitCode, print } from '../output.ts';
import { ownerUrl } from '../platform.ts';

export function addCheckCommand(db: Command): void {
  db.command('check')
    .description('whether the version that runs can live with the migrations of this one; exit code 1 if not')
    .option('--json', 'print JSON')
    .action(checkPending);
}

async function checkPending(options: { json?: boolean }): Promise<void> {
  const config = loadConfig(['DATABASE_DIRECT_URL', 'DB_OWNER_PASSWORD']);
  // Loaded here: Postgres' parser, as WebAssembly, is no other command's concern.
  const { checkPendingMigrations } = await import('@sv-sdk/db/deploy-check');
  const { pending, refused, contracting } = await checkPendingMigrations(await ownerUrl(config));
  const isFine = refused.length === 0;
  const lines = [
    pending.length === 0 ? 'No migration is pending.' : `Pending migrations: ${pending.join(', ')}`,
    ...refused.map(
      ({ file, line, statement, problem, instead }) =>
        `\n${file}, line ${line}: ${statement}\n  It ${problem}.\n  Instead: ${instead}`,
    ),
    ...contracting.map(
      ({ file, line, statement }) =>
        `${file}, line ${line}: contracting, as marked: ${statement} (versions before the running one can't come back)`,
    ),
    isFine
      ? 'The running version can live with them.'
      : '\nThe running version can not live with them (docs/operations/deploy.md).',
  ];
  print(
    {
      text: (pending.length === 0 ? lines.slice(0, 1) : lines).join('\n'),
      json: { ok: isFine, pending, refused, contracting },
    },
    options.json ?? false,
  );
  if (!isFine) process.exitCode = ExitCode.failed;
}
