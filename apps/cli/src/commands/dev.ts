import { loadConfig, withPassword } from '@sv-sdk/config';
import { migrate } from '@sv-sdk/db';
import { createLogger } from '@sv-sdk/telemetry';
import type { Command } from 'commander';
import { hasRealUsers, RealUsersError, seedPlatform } from '../bulk/seed.ts';
import { type DemoAccount, makeDemoAccounts } from '../demo-accounts.ts';
import { columns, print } from '../output.ts';
import { ownerUrl, withDatabase } from '../platform.ts';
import { confirm } from '../prompt.ts';
import { platformSeeds } from '../seeds/index.ts';
import { wipePlatform } from '../wipe.ts';
import { runWithProgress, today } from './db-seed.ts';

/** Enough for lists with pages, and made within a second. */
const DEMO_ROWS = { users: 200, audit: 1_000, emails: 200, seed: 1 } as const;

interface Options {
  readonly force?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export function addDevCommands(program: Command): void {
  const dev = program.command('dev').description('for developing; refuses where SV_ENV is not development');
  dev
    .command('setup')
    .description('migrates, and makes demo accounts with printed passwords and some made-up rows')
    .option('--force', 'even though the platform has real users')
    .option('--json', 'print JSON')
    .action(setUp);
  dev
    .command('reset')
    .description('wipes every row of the platform, and sets it up again; asks first')
    .option('--yes', 'do not ask')
    .option('--json', 'print JSON')
    .action(reset);
}

async function setUp(options: Options): Promise<void> {
  const config = loadDevConfig();
  await setUpPlatform(config, options);
}

async function reset(options: Options): Promise<void> {
  const config = loadDevConfig();
  const directUrl = await ownerUrl(config);
  const logger = silentLogger(config);
  // A database of an older version has other tables than those that are to be wiped.
  await migrate(directUrl, { logger });
  const { host, pathname } = new URL(directUrl);
  const question = `Wipe every row of the database ${pathname.slice(1)} on ${host}?`;
  if (!(await confirm(question, { isSure: options.yes ?? false }))) throw new Error('nothing was changed');
  await wipePlatform({
    directUrl,
    cacheUrl: withPassword(config.REDIS_URL, config.REDIS_PASSWORD),
    logger,
  });
  await setUpPlatform(config, options);
}

type DevConfig = ReturnType<typeof loadDevConfig>;

/** Throws unless somebody has said that this is no production. */
function loadDevConfig() {
  const { SV_ENV = 'production' } = loadConfig(['SV_ENV']);
  if (SV_ENV !== 'development') {
    throw new Error(
      `SV_ENV is ${SV_ENV}: \`sdk dev\` is only for a platform with SV_ENV=development in .env`,
    );
  }
  return loadConfig([
    'SV_VERSION',
    'DATABASE_URL',
    'DB_PASSWORD',
    'DATABASE_DIRECT_URL',
    'DB_OWNER_PASSWORD',
    'REDIS_URL',
    'REDIS_PASSWORD',
    'SV_ADMIN_EMAIL',
    'ADMIN_PASSWORD',
    'LOAD_API_KEY',
    'LOAD_TEST_RATE_LIMIT_PER_MINUTE',
  ]);
}

/** Again changes nothing: an account that is there keeps its password. */
async function setUpPlatform(config: DevConfig, options: Options): Promise<void> {
  const directUrl = await ownerUrl(config);
  const logger = silentLogger(config);
  await migrate(directUrl, {
    logger,
    seeds: platformSeeds({
      administrator: { email: config.SV_ADMIN_EMAIL, password: config.ADMIN_PASSWORD },
      loadTest: {
        apiKey: config.LOAD_API_KEY,
        rateLimitPerMinute: config.LOAD_TEST_RATE_LIMIT_PER_MINUTE,
      },
      logger,
    }),
  });
  if (!options.force && (await hasRealUsers(directUrl, config.SV_ADMIN_EMAIL))) throw new RealUsersError();
  const accounts = await withDatabase(makeDemoAccounts);
  await runWithProgress((signal, onProgress) =>
    seedPlatform(directUrl, {
      ...DEMO_ROWS,
      until: today(),
      administratorEmail: config.SV_ADMIN_EMAIL,
      isForced: true,
      signal,
      logger,
      onProgress,
    }),
  );
  printAccounts(accounts, config.SV_ADMIN_EMAIL, options.json ?? false);
}

const silentLogger = (config: { SV_VERSION: string }) =>
  createLogger({ service: 'sdk', version: config.SV_VERSION, level: 'silent' });

function printAccounts(accounts: readonly DemoAccount[], administrator: string, asJson: boolean): void {
  const rows = [
    [administrator, 'super_admin', 'in secrets/admin_password'],
    ...accounts.map(({ email, role, password }) => [email, role, password ?? 'as before']),
  ];
  print(
    {
      text: `${columns(['address', 'role', 'password'], rows)}\nThe passwords are shown only now.`,
      json: { ok: true, administrator, accounts, rows: DEMO_ROWS },
    },
    asJson,
  );
}
