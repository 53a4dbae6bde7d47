import { Counter, Gauge, type Registry } from 'prom-client';

export interface HousekeepingMetrics {
  countRemoved(kind: string, rows: number): void;
  /** A turn went through, whatever there was to do. */
  noteSuccess(): void;
}

export function createHousekeepingMetrics(registry: Registry): HousekeepingMetrics {
  const registers = [registry];
  const removed = new Counter({
    name: 'sv_housekeeping_removed_rows_total',
    help: 'Rows that had no meaning any more and were removed, by kind.',
    labelNames: ['kind'],
    registers,
  });
  const lastSuccess = new Gauge({
    name: 'sv_housekeeping_last_success_timestamp_seconds',
    help: 'When this worker last went through; of all workers the latest counts.',
    registers,
  });
  return {
    countRemoved: (kind, rows) => removed.inc({ kind }, rows),
    noteSuccess: () => lastSuccess.setToCurrentTime(),
  };
}
