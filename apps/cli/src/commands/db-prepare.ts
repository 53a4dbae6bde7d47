import { isBundled, loadConfig, withPassword } from '@sv-sdk/config';
import { prepareServer } from '@sv-sdk/db';
import type { Command } from 'commander';
import { print, table, UsageError } from '../output.ts';
import { ask, isSomebodyThere, readInput } from '../prompt.ts';
import { explainServerError } from '../servers.ts';

export function addPrepareCommand(db: Command): void {
  db.command('prepare')
    .description(
      "makes the platform's roles and its database on a server that somebody else runs; safe to run at any time",
    )
    .requiredOption('--admin <role>', 'who may create roles and databases there; asks for the password')
    .option('--database <name>', 'a database to connect to for that', 'postgres')
    .option('--password-stdin', "read the administrator's password from standard input")
    .option('--json', 'print JSON')
    .action(runPrepare);
}

interface Options {
  readonly admin: string;
  readonly database: string;
  readonly passwordStdin?: boolean;
  readonly json?: boolean;
}

async function runPrepare(options: Options): Promise<void> {
  const config = loadConfig([
    'DATABASE_DIRECT_URL',
    'DB_OWNER_PASSWORD',
    'DB_PASSWORD',
    'DB_MONITOR_PASSWORD',
  ]);
  const { DATABASE_DIRECT_URL: directUrl, DB_MONITOR_PASSWORD: monitorPassword } = config;
  if (isBundled(directUrl)) {
    throw new Error('DATABASE_DIRECT_URL names the bundled server, which prepares itself');
  }
  if (monitorPassword === undefined) throw new Error('DB_MONITOR_PASSWORD: is missing');
  const database = decodeURIComponent(new URL(directUrl).pathname.slice(1));
  if (database === '') throw new Error('DATABASE_DIRECT_URL: must name the database, as in …:5432/sv');
  const report = await prepareServer({
    adminUrl: adminUrl(directUrl, options, await adminPassword(options)),
    database,
    passwords: {
      sv_owner: config.DB_OWNER_PASSWORD,
      sv_app: config.DB_PASSWORD,
      sv_monitor: monitorPassword,
    },
  }).catch((error: unknown) => {
    throw explainServerError('DATABASE_DIRECT_URL', directUrl, error);
  });
  print(
    {
      text: table([
        ['server', `Postgres ${report.serverVersion}`],
        ['roles made', report.rolesMade.join(', ') || 'none; they have the passwords of the secrets now'],
        [`database ${database}`, report.database],
        ...report.notes.map((note) => ['note', note] as const),
      ]),
      json: { ok: true, ...report },
    },
    options.json ?? false,
  );
}

async function adminPassword(options: Options): Promise<string> {
  if (options.passwordStdin) return await readInput();
  if (!isSomebodyThere()) {
    throw new UsageError('--password-stdin is needed where nobody can be asked for a password');
  }
  return await ask(`Password of ${options.admin}: `, { isSecret: true });
}

function adminUrl(directUrl: string, options: Options, password: string): string {
  const url = new URL(directUrl);
  url.username = encodeURIComponent(options.admin);
  url.pathname = `/${encodeURIComponent(options.database)}`;
  return withPassword(url.href, password);
}
