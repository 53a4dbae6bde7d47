import { Counter, Gauge, type Registry } from 'prom-client';

export interface AuditMetrics {
  countSealed(rows: number): void;
  /** Where the chain ends, as the database has it; undefined: it has no end. */
  setHead(sequence: number | undefined): void;
  /** How long the oldest unsealed row has been there, now. */
  setOldestUnsealed(seconds: number): void;
  setPartitions(state: { readonly coveredUntil: Date; readonly overdue: number }): void;
}

/** Metrics of the audit log's jobs, in the registry that `/metrics` shows. */
export function createAuditMetrics(registry: Registry): AuditMetrics {
  const registers = [registry];
  const sealed = new Counter({
    name: 'sv_audit_sealed_total',
    help: 'Audit rows that this worker has sealed into the hash chain.',
    registers,
  });
  // These say nothing before the first look: 0 would be an answer.
  let head: number | undefined;
  new Gauge({
    name: 'sv_audit_head_sequence',
    help: 'Place of the last sealed row, as the database has it; it never goes back.',
    registers,
    collect() {
      if (head !== undefined) this.set(head);
      else this.remove();
    },
  });
  let unsealedSinceMs: number | undefined;
  new Gauge({
    name: 'sv_audit_unsealed_oldest_seconds',
    help: 'Age of the oldest audit row that is not sealed; 0 when all are.',
    registers,
    // Grows by itself between two looks, and while the database can't be asked.
    collect() {
      this.set(unsealedSinceMs === undefined ? 0 : Math.max(0, (Date.now() - unsealedSinceMs) / 1000));
    },
  });
  let partitions: { readonly coveredUntil: Date; readonly overdue: number } | undefined;
  new Gauge({
    name: 'sv_audit_partitions_until_timestamp_seconds',
    help: 'Until when every month of the audit log has its partition.',
    registers,
    collect() {
      if (partitions === undefined) this.remove();
      else this.set(partitions.coveredUntil.getTime() / 1000);
    },
  });
  new Gauge({
    name: 'sv_audit_partitions_overdue',
    help: 'Partitions of the audit log that are older than its retention and could not be dropped.',
    registers,
    collect() {
      if (partitions === undefined) this.remove();
      else this.set(partitions.overdue);
    },
  });
  return {
    countSealed: (rows) => sealed.inc(rows),
    setHead: (sequence) => {
      head = sequence;
    },
    setOldestUnsealed: (seconds) => {
      unsealedSinceMs = seconds === 0 ? undefined : Date.now() - seconds * 1000;
    },
    setPartitions: (state) => {
      partitions = state;
    },
  };
}
