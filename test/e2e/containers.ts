import { readFileSync } from 'node:fs';
import { eventually } from './client.ts';
import { containersOf, project, shell, shellOrThrow } from './stack.ts';

/**
 * Waits until every container has passed a check of its health that began after this call. What Docker calls healthy is
 * not enough: it does so until three checks in a row have failed, 15 s into the absence of what a worker needs.
 */
export async function untilHealthy(): Promise<void> {
  const calledAt = Date.now();
  const notHealthy = async () => {
    const { exitCode, stdout } = await shell(
      `docker ps --quiet --filter label=com.docker.compose.project=${project} |` +
        " xargs docker inspect --format '{{.Name}} {{json .State.Health}}'",
    );
    // Of causes that are tried at once (alerts.long.test.ts), one may remove its own in between.
    if (exitCode !== 0) return ['one that has gone meanwhile'];
    return stdout.split('\n').flatMap((line) => {
      const [name = '', ...json] = line.split(' ');
      const health = json.length === 0 ? null : (JSON.parse(json.join(' ')) as Health | null);
      // Exporters have no check of their own.
      if (health === null) return [];
      const last = health.Log?.at(-1);
      const isFresh = last !== undefined && Date.parse(last.Start) >= calledAt && last.ExitCode === 0;
      return health.Status === 'healthy' && isFresh ? [] : [name];
    });
  };
  await eventually(notHealthy, (names) => names.length === 0, { seconds: 90, what: 'all healthy again' });
}

interface Health {
  readonly Status: string;
  readonly Log: { readonly Start: string; readonly ExitCode: number }[] | null;
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
