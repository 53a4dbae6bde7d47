/** Questions to the person at the terminal; they go to standard error, as standard output is for the answer. */

import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { InterruptedError } from './interrupt.ts';
import { UsageError } from './output.ts';

export const isSomebodyThere = (): boolean => process.stdin.isTTY === true;

/** What is typed, or, with `isSecret`, typed without being seen. Throws {@link InterruptedError} on Ctrl-C or Ctrl-D. */
export async function ask(question: string, options: { isSecret?: boolean } = {}): Promise<string> {
  const output = options.isSecret ? nowhere() : process.stderr;
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  // Only now: until readline has the terminal, that would show what is typed, and Ctrl-C end us without a word.
  if (options.isSecret) process.stderr.write(question);
  const interrupted = Promise.withResolvers<never>();
  const onEnd = () => interrupted.reject(new InterruptedError());
  lines.once('SIGINT', onEnd);
  lines.once('close', onEnd);
  try {
    return await Promise.race([lines.question(options.isSecret ? '' : question), interrupted.promise]);
  } finally {
    lines.close();
    if (options.isSecret) process.stderr.write('\n');
  }
}

/** Takes what readline would show of a secret. */
const nowhere = () => new Writable({ write: (_chunk, _encoding, done) => done() });

/** Whether to go on; `--yes` says so where nobody can be asked. */
export async function confirm(question: string, options: { isSure: boolean }): Promise<boolean> {
  if (options.isSure) return true;
  if (!isSomebodyThere()) throw new UsageError('--yes: is needed where nobody can be asked');
  return /^y(es)?$/i.test((await ask(`${question} [y/N] `)).trim());
}

/** All of standard input without the line's end. */
export async function readInput(): Promise<string> {
  return (await text(process.stdin)).replace(/\r?\n$/, '');
}
