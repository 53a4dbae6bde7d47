import type { Logger } from '@sv-sdk/telemetry';
import type { BullBoard } from './bull-board.ts';

/** The queue's board, which costs nothing until somebody looks at it: no connection, no module. */
export interface QueueBoard {
  /** Nobody may change anything, whatever their permissions. */
  readonly isReadOnly: boolean;
  open(): Promise<BullBoard>;
  close(): Promise<void>;
}

/** Under which the board is mounted. */
export const BOARD_PATH = '/admin/queues';

/** `url`: the queue's Redis, with its password. */
export function createQueueBoard(options: { url: string; isReadOnly: boolean; logger: Logger }): QueueBoard {
  const { url, logger } = options;
  let opened: Promise<BullBoard> | undefined;
  return {
    isReadOnly: options.isReadOnly,
    open() {
      opened ??= import('./bull-board.ts').then(({ openBullBoard }) =>
        openBullBoard({ url, basePath: BOARD_PATH, logger }),
      );
      return opened;
    },
    async close() {
      await (await opened)?.close();
    },
  };
}
