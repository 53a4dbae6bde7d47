/**
 * Says of each answer of success whether it gets a line in the log: of how many it stands for, itself among them, or 0.
 * At most so many lines a second, evenly in time; the sum over all lines is the number of requests. 0: each gets one.
 */
export function sampleSuccesses(linesPerSecond: number, nowMs = () => performance.now()): () => number {
  if (linesPerSecond === 0) return () => 1;
  let lines = linesPerSecond;
  let lastMs = nowMs();
  let unwritten = 0;
  return () => {
    const now = nowMs();
    lines = Math.min(linesPerSecond, lines + ((now - lastMs) / 1000) * linesPerSecond);
    lastMs = now;
    if (lines < 1) {
      unwritten += 1;
      return 0;
    }
    lines -= 1;
    const standsFor = unwritten + 1;
    unwritten = 0;
    return standsFor;
  };
}
