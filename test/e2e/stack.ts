/**
 * The stack that the end-to-end tests run against: the repository's own files under another project name, with
 * its own ports, volumes, settings and secrets, beside the one that a person may run.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RunResult, run, runOrThrow } from '../harness/run.ts';

/** The repository as the engine sees it (bind mounts are resolved there); the image's own copy is for vitest. */
export const repository = process.env['SV_REPO'] ?? process.cwd();

const home = join(repository, '.build', 'e2e');

export const ports = {
  http: 13000,
  prometheus: 19090,
  alertmanager: 19093,
  grafana: 13001,
  maildev: 11080,
} as const;
export const urls = {
  http: `http://127.0.0.1:${ports.http}`,
  prometheus: `http://127.0.0.1:${ports.prometheus}`,
  maildev: `http://127.0.0.1:${ports.maildev}`,
} as const;

export const adminEmail = 'admin@example.org';
export const project = 'sv-e2e';
export const envFile = join(home, 'env');
export const secretsDirectory = join(home, 'secrets');
/** Each test file has a process of its own; this tells the later ones. */
const startedMark = join(home, 'started');

/** What a shell needs to mean this stack; every command below runs with it, in the repository's root. */
export const environment: Record<string, string> = {
  COMPOSE_PROJECT_NAME: project,
  SV_ENV_FILE: envFile,
  COMPOSE_ENV_FILES: envFile,
  SECRETS_DIR: secretsDirectory,
  BACKUP_DIR: join(home, 'backups'),
  // All tests come from one address and mostly from one user; limits.e2e.test.ts has an address of its own.
  RATE_LIMIT_PRINCIPAL_PER_MINUTE: '60000',
  RATE_LIMIT_ADDRESS_PER_MINUTE: '6000',
  RATE_LIMIT_SIGN_IN_PER_MINUTE: '200',
};

/** `make up` writes what it finds in the environment into the settings that it makes, once. */
const firstSettings: Record<string, string> = {
  HTTP_PORT: String(ports.http),
  PROMETHEUS_PORT: String(ports.prometheus),
  ALERTMANAGER_PORT: String(ports.alertmanager),
  GRAFANA_PORT: String(ports.grafana),
  MAILDEV_PORT: String(ports.maildev),
  SV_ADMIN_EMAIL: adminEmail,
};

/** A shell command as a person types it in the repository's root. */
export const shell = (command: string, options: { timeoutSeconds?: number } = {}): Promise<RunResult> =>
  run('bash', ['-c', command], {
    cwd: repository,
    environment,
    timeoutSeconds: options.timeoutSeconds ?? 300,
  });

export const shellOrThrow = (
  command: string,
  options: { timeoutSeconds?: number } = {},
): Promise<RunResult> =>
  runOrThrow('bash', ['-c', command], {
    cwd: repository,
    environment,
    timeoutSeconds: options.timeoutSeconds ?? 300,
  });

/** Starts the stack if it doesn't run yet: `make up` as a person types it, on a host that has no stack of ours. */
export async function startStack(): Promise<void> {
  if (existsSync(startedMark)) return;
  const result = await run('make', ['up'], {
    cwd: repository,
    environment: { ...environment, ...firstSettings },
    timeoutSeconds: 840,
  });
  if (result.exitCode !== 0) {
    const { output } = await shell('docker compose ps --all; docker compose logs --tail 40');
    throw new Error(`make up ended with ${result.exitCode}:\n${result.output}\n${output}`);
  }
  writeFileSync(startedMark, '');
}

/** Removes the stack with everything that it kept, also one that an interrupted run has left. */
export async function removeStack(): Promise<void> {
  if (existsSync(envFile)) {
    await shellOrThrow('docker compose --profile "*" down --volumes --remove-orphans --timeout 10');
  }
  rmSync(home, { recursive: true, force: true });
}

export const secret = (name: string): string => readFileSync(join(secretsDirectory, name), 'utf8').trim();

/** Ids of the service's running containers. */
export async function containersOf(service: string): Promise<string[]> {
  const { stdout } = await shellOrThrow(`docker compose ps --quiet --status running ${service}`);
  return stdout.split('\n').filter((line) => line !== '');
}

/** Rows of a query as the superuser, columns separated by `|`. */
export async function sql(service: 'postgres' | 'postgres-replica', query: string): Promise<string[]> {
  const { stdout } = await shellOrThrow(
    `docker compose exec -T postgres sh -c 'PGPASSWORD=$(cat /run/secrets/postgres_password) exec psql -h ${service}` +
      ` -U postgres -d sv -XAt -v ON_ERROR_STOP=1' <<'SQL'\n${query}\nSQL`,
  );
  return stdout.split('\n').filter((line) => line !== '');
}
