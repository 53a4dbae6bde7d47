import { readFileSync } from 'node:fs';
import { eventually } from './client.ts';
import { project, shellOrThrow } from './stack.ts';

/** Waits until no container of the stack is unhealthy or still starting. */
export async function untilHealthy(): Promise<void> {
  const notHealthy = async () => {
    const { stdout } = await shellOrThrow(
      `docker ps --filter label=com.docker.compose.project=${project} --format '{{.Names}} {{.Status}}'`,
    );
    return stdout.split('\n').filter((line) => /\((unhealthy|health: starting)\)/.test(line));
  };
  await eventually(notHealthy, (names) => names.length === 0, { seconds: 90, what: 'all healthy again' });
}

/** Starts a stopped container and waits until all are healthy again, so that the next test finds the stack whole. */
export async function startAgain(container: string): Promise<void> {
  await shellOrThrow(`docker start ${container}`);
  await untilHealthy();
}

/**
 * Runs a TypeScript file of this folder in one of the app's containers: inside the networks, with an address of
 * its own. `values` are there as constants; what it prints as JSON is the result.
 */
export async function runInApp<T>(
  file: string,
  values: Record<string, unknown>,
  options: { instance?: number } = {},
): Promise<T> {
  const constants = Object.entries(values).map(
    ([name, value]) => `const ${name} = ${JSON.stringify(value)};`,
  );
  const source = readFileSync(new URL(file, import.meta.url), 'utf8');
  const { stdout } = await shellOrThrow(
    `docker compose exec -T --index ${options.instance ?? 1} app node --input-type=module-typescript - <<'END_OF_SOURCE'\n` +
      `${constants.join('\n')}\n${source}\nEND_OF_SOURCE`,
    { timeoutSeconds: 90 },
  );
  return JSON.parse(stdout) as T;
}
