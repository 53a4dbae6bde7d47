const BAR_WIDTH = 30;
const TERMINAL_INTERVAL_MS = 100;
/** Where nobody watches, a line now and then says that it is alive. */
const LINE_INTERVAL_MS = 5_000;

export interface Progress {
  /** `total` 0: what is under way has no measure. */
  update(title: string, done: number, total: number): void;
  /** Leaves a clean line behind. */
  end(): void;
}

/** On standard error: a bar on a terminal, else a line every five seconds. */
export function createProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  let lastTitle = '';
  let startedMs = 0;
  let shownMs = 0;
  const clear = () => {
    if (stream.isTTY && lastTitle !== '') stream.write('\r\u001b[K');
  };
  return {
    update(title, done, total) {
      const nowMs = performance.now();
      const isNew = title !== lastTitle;
      if (isNew) {
        startedMs = nowMs;
        // The first line comes after the first interval: what is done by then needs none.
        if (!stream.isTTY) shownMs = nowMs;
      }
      lastTitle = title;
      const intervalMs = stream.isTTY ? TERMINAL_INTERVAL_MS : LINE_INTERVAL_MS;
      const isDue = nowMs - shownMs >= intervalMs || (stream.isTTY && (isNew || done === total));
      if (!isDue) return;
      shownMs = nowMs;
      const text = describe(title, { done, total, seconds: (nowMs - startedMs) / 1000 });
      stream.write(stream.isTTY ? `\r\u001b[K${text}` : `${text}\n`);
    },
    end() {
      clear();
      lastTitle = '';
    },
  };
}

/** `users  [#########---------------------]  30 %  300,000 of 1,000,000  41,000/s` */
export function describe(
  title: string,
  { done, total, seconds }: { done: number; total: number; seconds: number },
): string {
  if (total === 0) return title;
  const share = Math.min(done / total, 1);
  const filled = Math.round(share * BAR_WIDTH);
  const bar = '#'.repeat(filled) + '-'.repeat(BAR_WIDTH - filled);
  const percent = String(Math.floor(share * 100)).padStart(3);
  const rate = seconds > 0 ? `  ${count(Math.round(done / seconds))}/s` : '';
  return `${title.padEnd(8)}[${bar}] ${percent} %  ${count(done)} of ${count(total)}${rate}`;
}

/** A whole number with commas between the thousands. */
export const count = (value: number): string => value.toLocaleString('en-US');
