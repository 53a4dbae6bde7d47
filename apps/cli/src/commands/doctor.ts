import { loadConfig } from '@sv-sdk/config';
import { createPrometheus } from '@sv-sdk/scaling';
import type { Command } from 'commander';
import { connectionExhaustion } from '../doctor/connection-exhaustion.ts';
import type { Finding } from '../doctor/finding.ts';
import { highMemory } from '../doctor/high-memory.ts';
import { slowResponses } from '../doctor/slow-responses.ts';
import { type Chapter, DOCTOR_SETTINGS, examine, openSources } from '../doctor/sources.ts';
import { ExitCode, print } from '../output.ts';

/** The scaling guide's chapters on trouble, in its order. */
const chapters: readonly { title: string; chapter: Chapter }[] = [
  { title: 'Slow responses', chapter: slowResponses },
  { title: 'High memory usage', chapter: highMemory },
  { title: 'Connection exhaustion', chapter: connectionExhaustion },
];
const MARKS = { fine: 'ok', attention: '!!', idle: '--', unanswered: '??' } as const;

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description(
      "the scaling guide's troubleshooting on what runs: what was found, the evidence, and the next command; exit code 1 if something needs attention, or can't be asked",
    )
    .option('--json', 'print JSON')
    .action(diagnose);
}

async function diagnose(options: { json?: boolean }): Promise<void> {
  const config = loadConfig(DOCTOR_SETTINGS);
  const sources = openSources(config, createPrometheus(config.PROMETHEUS_URL));
  const examined = await Promise.all(
    chapters.map(async ({ title, chapter }) => ({ title, findings: await examine(chapter, sources) })),
  );
  const isFine = examined.every(({ findings }) =>
    findings.every(({ state }) => state === 'fine' || state === 'idle'),
  );
  print(
    { text: examined.map(describe).join('\n\n'), json: { ok: isFine, chapters: examined } },
    options.json ?? false,
  );
  if (!isFine) process.exitCode = ExitCode.failed;
}

function describe({ title, findings }: { title: string; findings: readonly Finding[] }): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.flatMap(({ check, state, evidence, next }) => [
    // What stands in a statement is somebody else's text: no control characters.
    `  ${MARKS[state]}  ${check.padEnd(width)}  ${evidence.replaceAll(/\p{Cc}/gu, '\ufffd')}`,
    ...(next === undefined ? [] : [`      ${' '.repeat(width)}  -> ${next}`]),
  ]);
  return [title, ...lines].join('\n');
}
