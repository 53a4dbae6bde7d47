import { ConfigError } from '@sv-sdk/config';

export const ExitCode = { ok: 0, failed: 1, usage: 2 } as const;

/** A text for people, or one JSON value for programs, on standard output. */
export function print(answer: { text: string; json: unknown }, asJson: boolean): void {
  process.stdout.write(`${asJson ? JSON.stringify(answer.json) : answer.text}\n`);
}

/** For whatever a command throws: one message, no stack trace, exit code 1. */
export function reportFailure(error: unknown, asJson: boolean): void {
  process.exitCode = ExitCode.failed;
  const message = messageOf(error);
  const faults = error instanceof ConfigError ? { faults: error.faults } : {};
  if (asJson) print({ text: message, json: { ok: false, error: message, ...faults } }, true);
  else process.stderr.write(`sdk: ${message}\n`);
}

/** The message with those of its causes: what failed, and why. Never a query's parameters. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // A refused connection to several addresses is one error without a text of its own.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  // Drizzle's message is the query with its parameters; its cause says what went wrong.
  if (error.cause instanceof Error && 'query' in error && 'params' in error) return messageOf(error.cause);
  return error.cause instanceof Error ? `${error.message}: ${messageOf(error.cause)}` : error.message;
}

/** Lines of `name  value`, the values under each other. */
export function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}
