import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect } from 'vitest';
import { environment, repository } from './stack.ts';

/**
 * Runs a verb (infra/host/VERB.sh), and kills it without a word when it prints this line; `meanwhile` it is still at work.
 */
export async function interruptAt(
  verb: string,
  line: RegExp,
  options: { variables?: Record<string, string>; meanwhile?: () => Promise<void> } = {},
): Promise<void> {
  const child = spawn('bash', ['-c', `exec infra/host/${verb}.sh 2>&1`], {
    cwd: repository,
    env: { ...process.env, ...environment, ...options.variables },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  const seen: string[] = [];
  for await (const printed of createInterface({ input: child.stdout })) {
    seen.push(printed);
    if (!line.test(printed)) continue;
    try {
      await options.meanwhile?.();
    } finally {
      child.kill('SIGKILL');
    }
  }
  await closed;
  expect(child.signalCode, seen.join('\n')).toBe('SIGKILL');
}
