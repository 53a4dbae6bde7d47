/** What one check of `sdk doctor` has found. */
export interface Finding {
  /** What was looked at, as a noun: "cache hit rate". */
  readonly check: string;
  /** attention: this may be the cause. idle: nothing happens that there would be a figure of. unanswered: its source is away. */
  readonly state: 'fine' | 'attention' | 'idle' | 'unanswered';
  /** The figures that say so. */
  readonly evidence: string;
  /** The next command, or page, where it needs attention. */
  readonly next?: string;
}

/** A figure against a limit; no figure where too little happens to speak of one. */
export function judge(options: {
  check: string;
  figure: number | undefined;
  limit: number;
  is: 'above' | 'below';
  say: (figure: number) => string;
  next: string;
  more?: string;
}): Finding {
  const { check, figure, limit, is, say, next, more } = options;
  if (figure === undefined || Number.isNaN(figure)) {
    return { check, state: 'idle', evidence: 'no figure: too little happens' };
  }
  const isBeyond = is === 'above' ? figure > limit : figure < limit;
  const evidence = `${say(figure)} (${is === 'above' ? 'at most' : 'at least'} ${say(limit)})${more === undefined || more === '' ? '' : `; ${more}`}`;
  return isBeyond ? { check, state: 'attention', evidence, next } : { check, state: 'fine', evidence };
}

/** A list that is empty where all is well. */
export function expectNone(options: { check: string; found: readonly string[]; next: string }): Finding {
  const { check, found, next } = options;
  return found.length === 0
    ? { check, state: 'fine', evidence: 'none' }
    : { check, state: 'attention', evidence: found.join('; '), next };
}

export const percent = (ratio: number) => `${Math.round(ratio * 100)} %`;
export const milliseconds = (seconds: number) =>
  seconds < 0.01 ? `${(seconds * 1000).toFixed(1)} ms` : `${Math.round(seconds * 1000)} ms`;
export const mebibytes = (bytes: number) => `${Math.round(bytes / 1024 ** 2)} MiB`;
