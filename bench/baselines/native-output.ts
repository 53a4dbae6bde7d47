/** Reads what pgbench and redis-benchmark print. */

/** `tps = 24310.5 (without initial connection time)` */
export function parsePgbench(output: string): number {
  const tps = /^tps = ([\d.]+)/m.exec(output)?.[1];
  const failed = /^number of failed transactions: (\d+)/m.exec(output)?.[1] ?? '0';
  if (tps === undefined || failed !== '0') throw new Error(`pgbench did not do its work:\n${output}`);
  return Number(tps);
}

/** With --csv: a line of heads, and `"GET","52631.58","0.256",…` */
export function parseRedisBenchmark(output: string): { perSecond: number; p95Ms: number } {
  const lines = output
    .split('\n')
    .filter((line) => line.startsWith('"'))
    .map((line) => line.split(',').map((cell) => cell.replaceAll('"', '')));
  const heads = lines.find(([head]) => head === 'test');
  const figures = lines.find(([head]) => head === 'GET');
  const of = (head: string) => Number(figures?.[heads?.indexOf(head) ?? -1]);
  const result = { perSecond: of('rps'), p95Ms: of('p95_latency_ms') };
  if (Number.isNaN(result.perSecond) || Number.isNaN(result.p95Ms)) {
    throw new Error(`redis-benchmark did not do its work:\n${output}`);
  }
  return result;
}
