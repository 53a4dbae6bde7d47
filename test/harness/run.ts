import { execFile } from 'node:child_process';

export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Both streams, for messages. */
  readonly output: string;
  readonly seconds: number;
}

/** Runs a program to its end, bounded in time; never throws on a non-zero exit. */
export function run(
  program: string,
  args: readonly string[],
  options: { cwd?: string; environment?: Record<string, string>; timeoutSeconds?: number } = {},
): Promise<RunResult> {
  const started = performance.now();
  return new Promise((resolve) => {
    execFile(
      program,
      args,
      {
        cwd: options.cwd,
        env: { ...process.env, ...options.environment },
        timeout: (options.timeoutSeconds ?? 120) * 1000,
        maxBuffer: 64 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        const seconds = (performance.now() - started) / 1000;
        const reason = error?.killed ? `\n(killed after ${seconds.toFixed(0)} s)` : '';
        resolve({ exitCode, stdout, stderr, output: stdout + stderr + reason, seconds });
      },
    );
  });
}

/** As {@link run}, but a non-zero exit is an error with the output in it. */
export async function runOrThrow(...call: Parameters<typeof run>): Promise<RunResult> {
  const result = await run(...call);
  if (result.exitCode !== 0) {
    throw new Error(
      `\`${[call[0], ...call[1]].join(' ')}\` ended with ${result.exitCode}:\n${result.output}`,
    );
  }
  return result;
}
