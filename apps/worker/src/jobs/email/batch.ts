import { setTimeout as sleep } from 'node:timers/promises';
import DataLoader from 'dataloader';
import { DrizzleQueryError } from 'drizzle-orm';

export interface BatchOptions<Item, Answer> {
  /** Answers one for each item, in order. */
  run(items: readonly Item[]): Promise<Answer[]>;
  /** Told the size of every batch that is run. */
  onRun?(items: number): void;
}

/**
 * About half of what a busy worker has at a time. All of it in one statement would be the fewest statements, and then
 * all of its emails are sent at the same moment and wait at the same moment: 738/s with 25, 344/s with 500, both with 50
 * emails at a time on 2 busy cores.
 */
const MOST_ITEMS = 25;
/** How long a first item waits for others. */
const GATHER_MS = 1;

/**
 * Runs many callers' items together: whoever asks within a millisecond, or while the last batch is on its way, goes with
 * the next. One after the other, so that a slow Postgres is asked less often, for more. A batch that fails for what one
 * item holds is run again item by item.
 */
export function createBatch<Item, Answer>(
  options: BatchOptions<Item, Answer>,
): (item: Item) => Promise<Answer> {
  let running: Promise<unknown>;
  let whenAllHaveRun: Promise<unknown> = Promise.resolve();
  const loader = new DataLoader<Item, Answer>(
    (items) => {
      const answers = runTogether(options, items);
      running = answers.catch(() => undefined);
      return answers;
    },
    {
      cache: false,
      maxBatchSize: MOST_ITEMS,
      batchScheduleFn: (dispatch) => {
        whenAllHaveRun = Promise.all([whenAllHaveRun, sleep(GATHER_MS)]).then(() => {
          dispatch();
          return running;
        });
      },
    },
  );
  return (item) => loader.load(item);
}

async function runTogether<Item, Answer>(
  { run, onRun }: BatchOptions<Item, Answer>,
  items: readonly Item[],
): Promise<(Answer | Error)[]> {
  onRun?.(items.length);
  try {
    return await run(items);
  } catch (error) {
    if (items.length === 1 || !isOfOneItem(error)) throw error;
  }
  const answers: (Answer | Error)[] = [];
  for (const item of items) {
    onRun?.(1);
    answers.push(
      await run([item]).then(
        ([answer]) => answer ?? new Error('a batch of one has no answer'),
        (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
      ),
    );
  }
  return answers;
}

/** Data, constraints, limits of the program, a damaged row: what SQLSTATE says of the statement's content. */
const OF_ITS_CONTENT = /^(22|23|54|XX)...$/;

/** Whether others would succeed without the item that did this; not so for a server that is away. */
export function isOfOneItem(error: unknown): boolean {
  return OF_ITS_CONTENT.test(sqlState(error) ?? '');
}

/** Drizzle's own error is about the statement; what Postgres said is its cause. */
function sqlState(error: unknown): string | undefined {
  const cause = error instanceof DrizzleQueryError ? error.cause : error;
  return typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'string'
    ? cause.code
    : undefined;
}
