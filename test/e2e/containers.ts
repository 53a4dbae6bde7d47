import { readFileSync } from 'node:fs';
import { run } from '../harness/run.ts';
import { eventually } from './client.ts';
import { containersOf, project, shell, shellOrThrow } from './stack.ts';

/**
 * Waits until every container is healthy and passes a check of its health that began after this call. What Docker calls
 * healthy is not enough: it does so until two checks in a row have failed, 30 s into the absence of what a worker needs.
 */
export async function untilHealthy(): Promise<void> {
  const notHealthy = async () => {
    const { exitCode, stdout } = await shell(
      `docker ps --quiet --filter label=com.docker.compose.project=${project} |` +
        " xargs docker inspect --format '{{.Name}} {{if .State.Health}}{{.State.Health.Status}} {{json .Config.Healthcheck.Test}}{{end}}'",
    );
    // Of causes that are tried at once (alerts.long.test.ts), one may remove its own in between.
    if (exitCode !== 0) return ['one that has gone meanwhile'];
    const failing = await Promise.all(
      stdout
        .trim()
        .split('\n')
        .map(async (line) => {
          const [name = '', status = '', ...check] = line.split(' ');
          // Exporters have no check of their own.
          if (status === '') return [];
          const isWell = status === 'healthy' && (await passes(name, JSON.parse(check.join(' '))));
          return isWell ? [] : [name];
        }),
    );
    return failing.flat();
  };
  await eventually(notHealthy, (names) => names.length === 0, { seconds: 90, what: 'all healthy again' });
}

/** The container's own check, now and bounded, as the engine runs it: `['CMD', 'healthcheck.sh', …]`. */
async function passes(container: string, [kind, ...command]: readonly string[]): Promise<boolean> {
  if (kind !== 'CMD') throw new Error(`${container}: a check of the kind CMD is expected, not ${kind}`);
  const { exitCode } = await run('docker', ['exec', container, ...command], { timeoutSeconds: 5 });
  return exitCode === 0;
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
  // Not by Compose's number: a deploy goes on counting.
  const container = (await containersOf('app'))[(options.instance ?? 1) - 1];
  const { stdout } = await shellOrThrow(
    `docker exec -i ${container} node --input-type=module-typescript - <<'END_OF_SOURCE'\n` +
      `${constants.join('\n')}\n${source}\nEND_OF_SOURCE`,
    { timeoutSeconds: 90 },
  );
  return JSON.parse(stdout) as T;
}
