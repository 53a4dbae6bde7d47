import {
  addressOf,
  ConfigError,
  loadConfig,
  type ServerUrlName,
  type SettingName,
  settings,
  usesTls,
  withPassword,
} from '@sv-sdk/config';
import type { Command } from 'commander';
import { planConnections, planLines, refuseExcess, tellPlan } from '../connections.ts';
import { print } from '../output.ts';
import { checkServers, serversElsewhere } from '../servers.ts';
import { addPhaseCommand } from './config-phase.ts';

export function addConfigCommands(program: Command): void {
  const config = program.command('config').description('the settings of the platform');
  config
    .command('check')
    .description('reads every setting of every process, and lists whatever is wrong')
    .option('--connect', 'also ask the servers that are elsewhere (managed databases and the like)')
    .option('--json', 'print JSON')
    .action(check);
  config
    .command('plan')
    .description('checks the settings, and computes the sizes of all pools; exit code 1 if they do not fit')
    .option('--connect', 'also hold them against what a database elsewhere allows, past PgBouncer')
    .option('--env', 'print what is computed as NAME=value, for `make up`')
    .option('--json', 'print JSON')
    .action(printPlan);
  addPhaseCommand(config);
}

async function check(options: { connect?: boolean; json?: boolean }): Promise<void> {
  const config = loadSettings();
  const faults = options.connect ? await checkServers(config) : [];
  if (faults.length > 0) throw new ConfigError(faults);
  const count = Object.keys(settings).length;
  const elsewhere = serversElsewhere(config);
  const leftOut = leftOutBy(config.SERVERS_SET as ServerUrlName[]);
  const lines = [
    `All ${count} settings are in order.`,
    ...elsewhere.map(
      ({ name, url }) => `Elsewhere: ${addressOf(url)} (${name}${usesTls(url) ? ', TLS' : ', no TLS'})`,
    ),
    ...(leftOut.length > 0 ? [`Left out here: ${leftOut.join(', ')}`] : []),
  ];
  print({ text: lines.join('\n'), json: { ok: true, settings: count, leftOut } }, options.json ?? false);
}

/** As infra/compose/elsewhere.yml has it. */
function leftOutBy(set: readonly ServerUrlName[]): string[] {
  const leftOut: string[] = [];
  const isSet = (name: ServerUrlName) => set.includes(name);
  if (isSet('DATABASE_URL') || isSet('DATABASE_DIRECT_URL')) leftOut.push('postgres', 'postgres-replica');
  if (isSet('DATABASE_URL')) leftOut.push('pgbouncer');
  if (isSet('REDIS_URL')) leftOut.push('redis');
  if (isSet('REDIS_QUEUE_URL')) leftOut.push('redis-queue');
  return leftOut;
}

/** Rejects with all the faults at once, which the program reports. */
function loadSettings() {
  return loadConfig(Object.keys(settings) as SettingName[]);
}

/** Loaded here: the client of Postgres takes a quarter of a second, which the other plans need not pay. */
async function liveMaxConnections(config: ReturnType<typeof loadSettings>): Promise<number> {
  const { maxConnectionsOf } = await import('@sv-sdk/db');
  return await maxConnectionsOf(withPassword(config.DATABASE_URL, config.DB_PASSWORD));
}

async function printPlan(options: { connect?: boolean; env?: boolean; json?: boolean }): Promise<void> {
  const config = loadSettings();
  const planned = planConnections();
  // PgBouncer keeps its own connections to what was checked when it was started.
  refuseExcess(
    planned,
    options.connect && !planned.needs.isPooled ? await liveMaxConnections(config) : undefined,
  );
  const text = options.env ? planLines(planned.plan) : tellPlan(planned);
  print({ text, json: { ok: true, ...planned.plan } }, options.json ?? false);
}
