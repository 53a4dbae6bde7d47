/** What a command throws that was ended by Ctrl-C, once it has tidied up. */
export class InterruptedError extends Error {
  constructor(options?: ErrorOptions) {
    super('interrupted', options);
    this.name = 'InterruptedError';
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Runs `action` with a signal that Ctrl-C aborts, and throws {@link InterruptedError} when it has ended because of
 * that. A second Ctrl-C ends the process at once, as the first one does outside of this.
 */
export async function interruptible<T>(action: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const abort = () => controller.abort();
  for (const name of SIGNALS) process.once(name, abort);
  try {
    return await action(controller.signal);
  } catch (error) {
    if (controller.signal.aborted) throw new InterruptedError({ cause: error });
    throw error;
  } finally {
    for (const name of SIGNALS) process.off(name, abort);
  }
}
