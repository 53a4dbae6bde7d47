import { Piscina } from 'piscina';
import type compile from './compile-thread.ts';
import type { TemplateDraft, TemplateValidation } from './validate.ts';

/** MJML takes 10–50 ms for an ordinary template. */
const TIMEOUT_SECONDS = 5;
/** With these the thread adds 110 MB to a process, 40 MB of it MJML; without, 250 MB. The app has 320 MB in all. */
const HEAP_LIMITS = { maxOldGenerationSizeMb: 80, maxYoungGenerationSizeMb: 4 };
/** The thread ends, and gives its memory back, when nobody has made a template for so long. */
const IDLE_SECONDS = 60;
/** At the worst the last of them waits for 25 s. */
const MOST_AT_ONCE = 5;

/** So many templates are being compiled already that another would wait too long. */
export class CompilerBusyError extends Error {
  constructor() {
    super(`${MOST_AT_ONCE} templates are being compiled`);
    this.name = 'CompilerBusyError';
  }
}

export interface TemplateCompiler {
  /**
   * `validateTemplate` in a thread of its own: whatever is in the template, the caller's event loop goes on. A
   * template that takes too long or too much memory is at fault. Throws {@link CompilerBusyError}.
   */
  validate(draft: TemplateDraft): Promise<TemplateValidation>;
  close(): Promise<void>;
}

export function createTemplateCompiler(
  options: { timeoutSeconds?: number; mostAtOnce?: number } = {},
): TemplateCompiler {
  const { timeoutSeconds = TIMEOUT_SECONDS, mostAtOnce = MOST_AT_ONCE } = options;
  const pool = new Piscina<Parameters<typeof compile>[0], Awaited<ReturnType<typeof compile>>>({
    filename: new URL('./compile-thread.ts', import.meta.url).href,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: IDLE_SECONDS * 1000,
    resourceLimits: HEAP_LIMITS,
    // No template has any business with our settings.
    env: {},
  });
  let running = 0;
  // One after the other: a template's time begins when it is its turn.
  let last: Promise<unknown> = Promise.resolve();

  async function compileNow(draft: TemplateDraft): Promise<TemplateValidation> {
    await pool.run(undefined);
    try {
      const validation = await pool.run(draft, { signal: AbortSignal.timeout(timeoutSeconds * 1000) });
      if (validation === undefined) throw new Error('the thread answered without looking at the template');
      return validation;
    } catch (error) {
      const message = faultOf(error, timeoutSeconds);
      if (message === undefined) throw error;
      return { isValid: false, faults: [{ field: 'mjml', message }] };
    }
  }

  return {
    async validate(draft) {
      if (running >= mostAtOnce) throw new CompilerBusyError();
      running += 1;
      const turn = last.then(() => compileNow(draft));
      last = turn.catch(() => undefined);
      try {
        return await turn;
      } finally {
        running -= 1;
      }
    },
    close: () => pool.destroy(),
  };
}

/** Why the thread was ended, where that was the template's doing. */
function faultOf(error: unknown, timeoutSeconds: number): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'AbortError') return `takes more than ${timeoutSeconds} s to compile`;
  if (Reflect.get(error, 'code') === 'ERR_WORKER_OUT_OF_MEMORY') return 'takes too much memory to compile';
  return undefined;
}
