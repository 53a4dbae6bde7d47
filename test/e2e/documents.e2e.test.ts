/** What the README, docs/operations and the runbooks tell to type does what it should: ends with 0, and refuses nothing. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DocumentedCommand } from '../harness/documented-commands.ts';
import { clientOf, eventually, query, signIn } from './client.ts';
import { typedCommands } from './documents.ts';
import {
  adminEmail,
  envFile,
  ports,
  repository,
  secretsDirectory,
  shell,
  shellOrThrow,
  startStack,
} from './stack.ts';

const before = new Set(readdirSync(repository));
beforeAll(async () => {
  await startStack();
  // `make doctor` and `make advise` rightly complain of what the test before this one has done to the stack.
  const slow = () => query('job:sv_http_request_duration_seconds:p95_5m{job="app"} > 0.5');
  const isQuiet = (series: readonly unknown[]) => series.length === 0;
  await eventually(slow, isQuiet, { seconds: 330, what: 'five minutes without slow answers' });
});

/** What the commands leave in the checkout, and nothing else that has come there meanwhile: a person may be at work in it. */
const LEFT = /^(support|sbom)-|^audit\.csv$/;
afterAll(() => {
  for (const name of readdirSync(repository)) {
    if (LEFT.test(name) && !before.has(name)) rmSync(join(repository, name), { recursive: true });
  }
});

/** Where a person puts in what another command has printed. */
const PLACEHOLDERS: readonly (readonly [RegExp, () => Promise<string>])[] = [
  [/(?<=silence expire )ID$/, async () => (await silences()).trim()],
  [/<request id>/, () => requestIdOfSomebody()],
  [/SEQUENCE:HASH/, () => endOfTheChain()],
];
const silences = async () =>
  (
    await shellOrThrow(
      'docker compose exec -T alertmanager amtool --alertmanager.url=http://127.0.0.1:9093 silence query --quiet',
    )
  ).stdout;

async function requestIdOfSomebody(): Promise<string> {
  return (await clientOf({ token: await signIn() }).get('/api/v1/users')).meta.requestId;
}

async function endOfTheChain(): Promise<string> {
  const { stdout } = await shellOrThrow('make -s sdk ARGS="audit verify"');
  return /end of the chain +(\S+)/.exec(stdout)?.[1] ?? '';
}

/** Who is deleted; `sdk dev setup`, which makes them, fills the stack with more. */
const MAKE_DEMO_ADMIN =
  'make sdk ARGS="auth create --email demo-admin@example.org --name Demo --role admin --generate"';

/** The stack of the tests has other ports, settings and secrets. */
const PLACES: readonly (readonly [RegExp, string])[] = [
  [/127\.0\.0\.1:3000\b/g, `127.0.0.1:${ports.http}`],
  [/(?<=[\s'])\.env\b/g, envFile],
  [/(?<=[\s"'])secrets\//g, `${secretsDirectory}/`],
  [/\badmin@example\.com\b/g, adminEmail],
  // It would go on until somebody ends it.
  [/^make logs(?!.*FOLLOW=0).*/g, '$& FOLLOW=0'],
  // Vitest's own, which means something else.
  [/^make load /g, 'env -u BASE_URL make load '],
  // No terminal here.
  [/\bdocker compose exec (?!-T)/g, 'docker compose exec -T '],
  [/\| less$/g, '| head -c 1000000 >/dev/null'],
];

async function asTyped({ command, variables }: DocumentedCommand): Promise<string> {
  let text = [...variables, command].join('\n');
  for (const [place, here] of PLACES) text = text.replaceAll(place, here);
  for (const [placeholder, value] of PLACEHOLDERS) {
    if (placeholder.test(text)) text = text.replace(placeholder, await value());
  }
  return text;
}

/** What is looked for in a log need not be there; what is in one may be an error. */
const looksFor = (command: string) => /(^|\| )grep [^|]*$/.test(command);
const readsLogs = (command: string) => /^(make|docker compose) logs/.test(command);

test.for(typedCommands().map((documented) => [documented.page, documented.command, documented] as const))(
  '%s: %s',
  async ([, , documented]) => {
    if (documented.command.includes('demo-admin@')) await shellOrThrow(MAKE_DEMO_ADMIN);
    const { command } = documented;
    const { exitCode, output } = await shell(await asTyped(documented));
    // A machine that is busy with tests may miss the guide's target for latency; that everybody was answered, it may not.
    if (command.startsWith('make load VUS='))
      expect(output).toMatch(/vusers\.failed:\D+0\b|100\.00% .*checks/);
    else expect(looksFor(command) ? [0, 1] : [0], output).toContain(exitCode);
    if (readsLogs(command)) return;
    expect(output).not.toMatch(/"success":false|\berror:|Traceback|unbound variable|template parsing error/i);
  },
);
