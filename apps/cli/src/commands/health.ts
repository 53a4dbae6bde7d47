import { loadConfig } from '@sv-sdk/config';
import type { Command } from 'commander';
import { ExitCode, print, table } from '../output.ts';

const ANSWER_LIMIT_MS = 5_000;

/** What `/health/ready` answers. */
interface Readiness {
  readonly ready: boolean;
  readonly services: readonly { readonly name: string; readonly ready: boolean }[];
}

export function addHealthCommand(program: Command): void {
  program
    .command('health')
    .description('whether the platform is ready to serve; exit code 1 if not')
    .option('--url <url>', 'of the platform (default: the setting PLATFORM_URL)')
    .option('--json', 'print JSON')
    .action(printHealth);
}

async function printHealth(options: { url?: string; json?: boolean }): Promise<void> {
  const url = new URL('/health/ready', options.url ?? loadConfig(['PLATFORM_URL']).PLATFORM_URL);
  const readiness = await askForReadiness(url);
  print(
    {
      text: table([
        ['platform', sayReady(readiness.ready)],
        ...readiness.services.map(({ name, ready }) => [name, sayReady(ready)] as const),
      ]),
      json: { ok: readiness.ready, url: url.href, services: readiness.services },
    },
    options.json ?? false,
  );
  if (!readiness.ready) process.exitCode = ExitCode.failed;
}

async function askForReadiness(url: URL): Promise<Readiness> {
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
    body = JSON.parse(await response.text());
  } catch (error) {
    throw new Error(`${url.href} gave no answer that says whether the platform is ready`, { cause: error });
  }
  // 503 with the same body is what an instance that isn't ready says; without it, nginx' own page.
  if (!isReadiness(body))
    throw new Error(`${url.href} answered ${response.status} without saying what is ready`);
  return body;
}

function isReadiness(body: unknown): body is Readiness {
  return (
    typeof body === 'object' &&
    body !== null &&
    'ready' in body &&
    typeof body.ready === 'boolean' &&
    'services' in body &&
    Array.isArray(body.services)
  );
}

const sayReady = (ready: boolean) => (ready ? 'ready' : 'NOT READY');
