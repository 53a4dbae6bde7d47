import { ConfigError } from '@sv-sdk/config';
import { InterruptedError } from './interrupt.ts';

/** 130 is 128 + SIGINT, as a shell reports a program that Ctrl-C has ended. */
export const ExitCode = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** The command was used wrongly: the message names the option and what is expected. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** A text for people, or one JSON value for programs, on standard output. */
export function print(answer: { text: string; json: unknown }, asJson: boolean): void {
  process.stdout.write(`${asJson ? JSON.stringify(answer.json) : answer.text}\n`);
}

/** For whatever a command throws: one message, no stack trace, and the exit code. */
export function reportFailure(error: unknown, asJson: boolean): void {
  process.exitCode = exitCodeOf(error);
  // What failed because of Ctrl-C is nobody's concern.
  const message = error instanceof InterruptedError ? error.message : messageOf(error);
  const faults = error instanceof ConfigError ? { faults: error.faults } : {};
  if (asJson) print({ text: message, json: { ok: false, error: message, ...faults } }, true);
  else process.stderr.write(`sdk: ${message}\n`);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return ExitCode.usage;
  return error instanceof InterruptedError ? ExitCode.interrupted : ExitCode.failed;
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

/**
 * For people: a heading over each column, the columns under each other. A column of numbers is aligned right. What
 * others have written may stand in it: control characters, with which a terminal can be steered, are replaced.
 */
export function columns(headings: readonly string[], given: readonly (readonly string[])[]): string {
  const rows = given.map((row) => row.map((cell) => cell.replaceAll(/\p{Cc}/gu, '\ufffd')));
  const widths = headings.map((heading, index) =>
    Math.max(heading.length, ...rows.map((row) => row[index]?.length ?? 0)),
  );
  const isNumeric = headings.map((_, index) => rows.every((row) => /^[\d,.]*$/.test(row[index] ?? '')));
  const lines = [headings, ...rows].map((row) =>
    row
      .map((cell, index) =>
        isNumeric[index] ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  return lines.join('\n');
}

/** Cut to so many characters, with a sign that something is missing. */
export function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
