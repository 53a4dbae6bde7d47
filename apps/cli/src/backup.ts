/** A dump of the platform's schemas, whole or absent: what bears the final name was checked and lies on the disk. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { usesTls } from '@sv-sdk/config';

/** `pgbouncer` is left out: it belongs to the cluster, and is there before any restore. */
const SCHEMAS = ['auth', 'permissions', 'email', 'audit', 'drizzle'];
/** Of what a check must find: without these it is no backup of this platform. */
const REQUIRED_DATA = ['auth users', 'permissions roles', 'email email_sends', 'audit chain_head'];
/** zstd's default: about a fifth of the size at the speed at which Postgres hands rows out. */
const COMPRESSION = 'zstd:3';
const MAX_LIST_BYTES = 64 * 1024 * 1024;

export interface Backup {
  readonly file: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Tables with their rows in it. */
  readonly tables: number;
  readonly seconds: number;
}

export interface BackupOptions {
  /** Without the password. */
  readonly url: string;
  readonly password: string;
  readonly directory: string;
  readonly isCompressed: boolean;
  readonly signal: AbortSignal;
}

/** Dumps into a new file of the directory, named by the time; nothing that is there is touched. */
export async function backUp(options: BackupOptions): Promise<Backup> {
  const { directory, signal } = options;
  const started = performance.now();
  await mkdir(directory, { recursive: true });
  const name = `sv-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}.dump`;
  const file = join(directory, name);
  // Beside the file, so that the renaming is one step; a name of its own, so that two runs don't meet.
  const partial = join(directory, `.${name}.${process.pid}.partial`);
  try {
    await makeFile(partial);
    await dump(partial, options);
    const tables = await check(partial, signal);
    const sha256 = await digest(partial, signal);
    const { size } = await stat(partial);
    await sync(partial);
    await rename(partial, file);
    await sync(directory);
    return { file, sizeBytes: size, sha256, tables, seconds: (performance.now() - started) / 1000 };
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

/** For this user's eyes only, before there is anything in it; a folder that can't be written is found out here. */
async function makeFile(path: string): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  await handle.close();
}

async function dump(path: string, { url, password, isCompressed, signal }: BackupOptions): Promise<void> {
  await runTool(
    'pg_dump',
    [
      '--format=custom',
      `--compress=${isCompressed ? COMPRESSION : 'none'}`,
      `--file=${path}`,
      '--no-password',
      ...SCHEMAS.map((schema) => `--schema=${schema}`),
      `--dbname=${url}`,
    ],
    { signal, environment: { PGPASSWORD: password, ...systemAuthorities(url) } },
  );
}

/** Where the URL brings no CA: libpq would look for one in the home folder, node-postgres takes the system's. */
function systemAuthorities(url: string): Record<string, string> {
  return usesTls(url) && !url.includes('sslrootcert=') ? { PGSSLROOTCERT: 'system' } : {};
}

/** Reads the table of contents; answers how many tables have their rows in the file. */
async function check(path: string, signal: AbortSignal): Promise<number> {
  const list = await runTool('pg_restore', ['--list', path], { signal });
  const data = [...list.matchAll(/ TABLE DATA (\S+ \S+) /g)].map(([, table]) => table);
  const missing = REQUIRED_DATA.filter((table) => !data.includes(table));
  if (missing.length > 0) throw new Error(`the dump lacks the rows of ${missing.join(', ')}`);
  return data.length;
}

async function digest(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash, { signal });
  return hash.digest('hex');
}

/** Of a file its content, of a folder its names, on the disk: a backup must survive the power that fails next. */
async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const execute = promisify(execFile);

/** Runs one of Postgres' tools; throws with what it said. */
async function runTool(
  tool: string,
  args: readonly string[],
  options: { signal: AbortSignal; environment?: Record<string, string> },
): Promise<string> {
  try {
    const { stdout } = await execute(tool, [...args], {
      signal: options.signal,
      env: { ...process.env, ...options.environment },
      maxBuffer: MAX_LIST_BYTES,
    });
    return stdout;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if ('code' in error && error.code === 'ENOENT') {
      throw new Error(`${tool} is not installed here; \`make sdk ARGS="db backup"\` has it`, {
        cause: error,
      });
    }
    const said = 'stderr' in error && typeof error.stderr === 'string' ? error.stderr.trim() : '';
    // execFile's own message is the whole command line.
    throw said === '' ? error : new Error(said);
  }
}
