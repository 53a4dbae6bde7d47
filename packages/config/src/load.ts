import { readFileSync } from 'node:fs';
import { rules } from './rules.ts';
import { completeServerUrls } from './servers.ts';
import { aliases, type Config, type SettingName, settings } from './settings.ts';

export interface ConfigFault {
  readonly name: string;
  /** What is expected, or what went wrong; never the value, which may be a secret. */
  readonly expected: string;
}

/** Thrown once with every fault, so that a person mends all of them in one go. */
export class ConfigError extends Error {
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    const lines = faults.map(({ name, expected }) => `  ${name}: ${expected}`);
    super(
      `${faults.length === 1 ? 'A setting is' : `${faults.length} settings are`} wrong:\n${lines.join('\n')}`,
    );
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

/**
 * Reads the named settings from an environment. `NAME_FILE` holds the path of a file with the value
 * (Compose secrets); a blank value counts as unset; setting both NAME and NAME_FILE is a fault. PLANNED_NAME is what
 * `make up` has computed for an unset one. Settings that belong together (rules.ts) are held against each
 * other where all of them are named.
 * Throws {@link ConfigError} with every fault of every named setting.
 */
export function loadConfig<const Names extends SettingName>(
  names: readonly Names[],
  environment: NodeJS.ProcessEnv = process.env,
): Config<Names> {
  const faults: ConfigFault[] = [];
  const config: { -readonly [Name in SettingName]?: unknown } = {};
  const read = (name: SettingName) => {
    const raw = readRaw(name, environment, faults);
    if (raw === faulty) return;
    const result = settings[name].safeParse(raw);
    if (result.success) config[name] = result.data;
    else
      faults.push({
        name,
        expected: raw === undefined ? missing(name) : (result.error.issues[0]?.message ?? 'is wrong'),
      });
  };
  const asked = new Set<SettingName>(names);
  for (const name of asked) read(name);
  completeServerUrls(config, (name) => {
    // Who names a URL needs its CA, whether that is named or not.
    if (!asked.has(name)) read(name);
    asked.add(name);
    return config[name] as string | undefined;
  });
  for (const rule of rules) {
    if (!rule.concerns.every((name) => asked.has(name))) continue;
    // What is faulty by itself need not be called missing as well.
    faults.push(
      ...rule
        .check(config as Partial<Config<SettingName>>)
        .filter(({ name }) => !faults.some((fault) => fault.name === name)),
    );
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return config as Config<Names>;
}

/**
 * As {@link loadConfig}, for a process' start: what is wrong goes to stderr as a list for a person to mend, without
 * a stack, and the process ends with 1.
 */
export function loadConfigOrExit<const Names extends SettingName>(names: readonly Names[]): Config<Names> {
  try {
    return loadConfig(names);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

/** Whether a setting has a value of somebody's, and not its default. */
export function isSet(name: SettingName, environment: NodeJS.ProcessEnv = process.env): boolean {
  const sources = [name, aliases[name] ?? name, `${name}_FILE`, PLANNED_PREFIX + name];
  return sources.some((source) => Boolean(environment[source]?.trim()));
}

/** A URL without a password, and a password from a secret, as one connection URL. */
export function withPassword(url: string, password: string | undefined): string {
  if (password === undefined) return url;
  const parsed = new URL(url);
  parsed.password = encodeURIComponent(password);
  return parsed.href;
}

/**
 * The same with the password as it is when it is asked for: `make rotate` changes it under running processes. While its
 * file can't be used, as it is just being written, the password is the one before.
 */
export function withCurrentPassword(url: string, name: 'DB_PASSWORD'): () => string {
  const read = () => withPassword(url, loadConfig([name])[name]);
  let current = read();
  return () => {
    try {
      current = read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
    }
    return current;
  };
}

/** What `make up` has computed for a setting: it stands where nobody has chosen a value. */
export const PLANNED_PREFIX = 'PLANNED_';

const faulty = Symbol('faulty');

function readRaw(
  name: SettingName,
  environment: NodeJS.ProcessEnv,
  faults: ConfigFault[],
): string | undefined | typeof faulty {
  const direct = environment[name]?.trim() || environment[aliases[name] ?? name]?.trim();
  const planned = environment[PLANNED_PREFIX + name]?.trim();
  const path = environment[`${name}_FILE`]?.trim();
  if (!path) return direct || planned || undefined;
  if (direct) {
    faults.push({ name, expected: `is set twice: by ${name} and by ${name}_FILE; keep one` });
    return faulty;
  }
  try {
    return readFileSync(path, 'utf8').trim() || undefined;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    faults.push({ name: `${name}_FILE`, expected: `must be a file that can be read (${path}: ${code})` });
    return faulty;
  }
}

function missing(name: SettingName): string {
  const shape = settings[name].safeParse('\u0000');
  const hint = shape.success ? '' : `; it ${shape.error.issues[0]?.message ?? ''}`;
  return `is missing${hint}`;
}
