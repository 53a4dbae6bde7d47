/**
 * The stacks that the end-to-end tests run against: the repository's own files under other project names, each with its
 * own ports, volumes, settings and secrets, beside the one that a person may run.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunResult, run, runOrThrow } from '../harness/run.ts';

/** The repository as the engine sees it (bind mounts are resolved there); the image's own copy is for vitest. */
export const repository = process.env['SV_REPO'] ?? process.cwd();

export const adminEmail = 'admin@example.org';

export interface Ports {
  readonly http: number;
  readonly prometheus: number;
  readonly alertmanager: number;
  readonly grafana: number;
  readonly maildev: number;
}

interface ShellOptions {
  readonly timeoutSeconds?: number;
}

export interface Stack {
  readonly project: string;
  readonly ports: Ports;
  readonly urls: { readonly http: string; readonly prometheus: string; readonly maildev: string };
  readonly envFile: string;
  readonly secretsDirectory: string;
  /** What a shell needs to mean this stack; every command runs with it, in the repository's root. */
  readonly environment: Record<string, string>;
  /** `make up` writes what it finds in the environment into the settings that it makes, once. */
  readonly firstSettings: Record<string, string>;
  /** A shell command as a person types it in the repository's root. */
  shell(command: string, options?: ShellOptions): Promise<RunResult>;
  shellOrThrow(command: string, options?: ShellOptions): Promise<RunResult>;
  secret(name: string): string;
  /** Ids of the service's running containers. */
  containersOf(service: string): Promise<string[]>;
  /** Removes the stack with everything that it kept, also one that an interrupted run has left. */
  remove(): Promise<void>;
}

/** `home`: a folder of .build/ for its settings and secrets. */
export function defineStack(options: { project: string; home: string; ports: Ports }): Stack {
  const { project, ports } = options;
  const home = join(repository, '.build', options.home);
  const envFile = join(home, 'env');
  const secretsDirectory = join(home, 'secrets');
  const environment: Record<string, string> = {
    COMPOSE_PROJECT_NAME: project,
    SV_ENV_FILE: envFile,
    COMPOSE_ENV_FILES: envFile,
    SECRETS_DIR: secretsDirectory,
    BACKUP_DIR: join(home, 'backups'),
    // All tests come from one address and mostly from one user; limits.e2e.test.ts has an address of its own.
    RATE_LIMIT_PRINCIPAL_PER_MINUTE: '60000',
    RATE_LIMIT_ADDRESS_PER_MINUTE: '6000',
    RATE_LIMIT_SIGN_IN_PER_MINUTE: '200',
    // What runs beside the tests (builds, other tests) can hold up every app of a small machine for longer than the 200 ms
    // from which on one turns requests away, and those tests count failures. Overload has tests of its own (apps/api).
    OVERLOAD_EVENT_LOOP_DELAY_MS: '2000',
  };
  const runBy =
    <T>(runner: (...call: Parameters<typeof run>) => Promise<T>) =>
    (command: string, { timeoutSeconds = 300 }: ShellOptions = {}) =>
      runner('bash', ['-c', command], { cwd: repository, environment, timeoutSeconds });
  const shellOrThrow = runBy(runOrThrow);
  return {
    project,
    ports,
    urls: {
      http: `http://127.0.0.1:${ports.http}`,
      prometheus: `http://127.0.0.1:${ports.prometheus}`,
      maildev: `http://127.0.0.1:${ports.maildev}`,
    },
    envFile,
    secretsDirectory,
    environment,
    firstSettings: {
      HTTP_PORT: String(ports.http),
      PROMETHEUS_PORT: String(ports.prometheus),
      ALERTMANAGER_PORT: String(ports.alertmanager),
      GRAFANA_PORT: String(ports.grafana),
      MAILDEV_PORT: String(ports.maildev),
      SV_ADMIN_EMAIL: adminEmail,
    },
    shell: runBy(run),
    shellOrThrow,
    secret: (name) => readFileSync(join(secretsDirectory, name), 'utf8').trim(),
    async containersOf(service) {
      const { stdout } = await shellOrThrow(`docker compose ps --quiet --status running ${service}`);
      return stdout.split('\n').filter((line) => line !== '');
    },
    async remove() {
      await removeProject(project);
      for (const made of [
        home,
        ...['plan', 'deploy'].map((kind) => join(repository, '.build', `${kind}-${project}`)),
      ]) {
        rmSync(made, { recursive: true, force: true });
      }
    },
  };
}

/**
 * By its name alone, outside of every checkout: what another run has left, its files gone, comes back with the engine and
 * is in the way of this one.
 */
export async function removeProject(project: string): Promise<void> {
  const down = ['--project-name', project, 'down', '--volumes', '--remove-orphans', '--timeout', '10'];
  await runOrThrow('docker', ['compose', ...down], { cwd: tmpdir(), timeoutSeconds: 300 });
}

/** The stack of all test files but those that start one of their own. */
const stack = defineStack({
  project: 'sv-e2e',
  home: 'e2e',
  ports: { http: 13000, prometheus: 19090, alertmanager: 19093, grafana: 13001, maildev: 11080 },
});
export const {
  project,
  ports,
  urls,
  envFile,
  secretsDirectory,
  environment,
  shell,
  shellOrThrow,
  secret,
  containersOf,
} = stack;
export const removeStack = stack.remove;

/** Each test file has a process of its own; this tells the later ones. */
const startedMark = join(repository, '.build', 'e2e', 'started');

/** Starts the stack if it doesn't run yet: `make up` as a person types it, on a host that has no stack of ours. */
export async function startStack(): Promise<void> {
  if (existsSync(startedMark)) return;
  const result = await run('make', ['up'], {
    cwd: repository,
    environment: { ...environment, ...stack.firstSettings },
    timeoutSeconds: 840,
  });
  if (result.exitCode !== 0) {
    const { output } = await shell('docker compose ps --all; docker compose logs --tail 40');
    throw new Error(`make up ended with ${result.exitCode}:\n${result.output}\n${output}`);
  }
  writeFileSync(startedMark, '');
}

/** Rows of a query as the superuser, columns separated by `|`. */
export async function sql(service: 'postgres' | 'postgres-replica', query: string): Promise<string[]> {
  const { stdout } = await shellOrThrow(
    `docker compose exec -T postgres sh -c 'PGPASSWORD=$(cat /run/secrets/postgres_password) exec psql -h ${service}` +
      ` -U postgres -d sv -XAt -v ON_ERROR_STOP=1' <<'SQL'\n${query}\nSQL`,
  );
  return stdout.split('\n').filter((line) => line !== '');
}

/** Rows of a query as the superuser on whichever node is the primary, columns separated by `|`. */
export async function onPrimary(query: string): Promise<string[]> {
  // Any node that runs knows the others.
  const [node] = await containersOf('postgres postgres-replica');
  const { stdout } = await shellOrThrow(
    `docker exec -i ${node} psql-primary.sh -qAt -v ON_ERROR_STOP=1 <<'SQL'\n${query}\nSQL`,
  );
  return stdout.split('\n').filter((line) => line !== '');
}
