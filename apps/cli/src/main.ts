/** The command line: `pnpm sdk …`, `make sdk ARGS="…"`, and what the stack's `migrate` runs. */
import { Command, CommanderError } from 'commander';
import { addConfigCommands } from './commands/config.ts';
import { addDatabaseCommands } from './commands/db.ts';
import { addHealthCommand } from './commands/health.ts';
import { ExitCode, reportFailure } from './output.ts';

// `sdk … | head` closes the pipe: nobody reads on, and that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(ExitCode.ok);
});

const program = new Command('sdk')
  .description('Looks after an SV-SDK platform.')
  .addHelpText(
    'after',
    '\nExit codes: 0 done, or all is well; 1 it failed, or all is not well; 2 used wrongly.',
  )
  .exitOverride();

addConfigCommands(program);
addDatabaseCommands(program);
addHealthCommand(program);

try {
  await program.parseAsync();
} catch (error) {
  // Commander has said already what it has to say; it also throws after --help, with 0.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  else reportFailure(error, process.argv.includes('--json'));
}
