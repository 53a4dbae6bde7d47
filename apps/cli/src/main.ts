/** The command line: `pnpm sdk …`, `make sdk ARGS="…"`, and what the stack's `migrate` runs. */
import { Command, CommanderError } from 'commander';
import { ExitCode, print, reportFailure } from './output.ts';

// `sdk … | head` closes the pipe: nobody reads on, and that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(ExitCode.ok);
});

const program = new Command('sdk')
  .description('Looks after an SV-SDK platform.')
  .addHelpText(
    'after',
    '\nExit codes: 0 done, or all is well; 1 it failed, or all is not well; 2 used wrongly; 130 interrupted by Ctrl-C.',
  )
  .exitOverride();

/** Loaded when asked for: better-auth and MJML take most of a second, which `sdk health` should not pay. */
const groups: Record<string, () => Promise<(program: Command) => void>> = {
  advise: async () => (await import('./commands/advise.ts')).addAdviseCommand,
  audit: async () => (await import('./commands/audit.ts')).addAuditCommands,
  auth: async () => (await import('./commands/auth.ts')).addAuthCommands,
  config: async () => (await import('./commands/config.ts')).addConfigCommands,
  db: async () => (await import('./commands/db.ts')).addDatabaseCommands,
  doctor: async () => (await import('./commands/doctor.ts')).addDoctorCommand,
  dev: async () => (await import('./commands/dev.ts')).addDevCommands,
  email: async () => (await import('./commands/email.ts')).addEmailCommands,
  health: async () => (await import('./commands/health.ts')).addHealthCommand,
  inspect: async () => (await import('./commands/inspect.ts')).addInspectCommands,
  logs: async () => (await import('./commands/logs.ts')).addLogsCommand,
  permissions: async () => (await import('./commands/permissions.ts')).addPermissionCommands,
  support: async () => (await import('./commands/support.ts')).addSupportCommands,
};
const wanted = groups[process.argv[2] ?? ''];
for (const load of wanted === undefined ? Object.values(groups) : [wanted]) (await load())(program);

try {
  await program.parseAsync();
} catch (error) {
  const asJson = process.argv.includes('--json');
  // Commander has said already on stderr what it has to say; it also throws after --help, with 0.
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
    if (asJson && error.exitCode !== 0) {
      print({ text: error.message, json: { ok: false, error: error.message } }, true);
    }
  } else reportFailure(error, asJson);
}
