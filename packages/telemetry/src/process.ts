import type { Logger } from './logger.ts';

/** Something that was opened and must be closed; closed in reverse order of opening. */
export interface Resource {
  readonly name: string;
  close(): Promise<void>;
}

/**
 * Keeps a process until SIGTERM or SIGINT, then runs `drain` (stop taking work, finish what is held) and
 * closes the resources in reverse order. Past the deadline it exits with 1, so that a hung peer can't make
 * Docker kill us at an unknown point. A second signal exits at once.
 */
export function runProcess(options: {
  logger: Logger;
  deadlineSeconds: number;
  drain: () => Promise<void>;
  resources: readonly Resource[];
}): void {
  const { logger } = options;
  let stopping = false;
  const stop = async (signal: NodeJS.Signals) => {
    if (stopping) process.exit(1);
    stopping = true;
    logger.info({ signal }, 'stopping');
    const deadline = setTimeout(() => {
      logger.error({ deadlineSeconds: options.deadlineSeconds }, 'not stopped before the deadline');
      process.exit(1);
    }, options.deadlineSeconds * 1000);
    let failed = false;
    const step = async (name: string, action: () => Promise<void>) => {
      try {
        await action();
      } catch (error) {
        failed = true;
        logger.error({ err: error, step: name }, 'failed while stopping');
      }
    };
    await step('drain', options.drain);
    for (const resource of options.resources.toReversed()) await step(resource.name, () => resource.close());
    clearTimeout(deadline);
    logger.info('stopped');
    process.exit(failed ? 1 : 0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}
