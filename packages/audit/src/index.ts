export { type ChainKeys, deriveChainKeys } from './chain.ts';
export { EXPORT_CONTENT_TYPES, type ExportFormat, formatExport } from './format.ts';
export { maskMetadata } from './mask.ts';
export { type AuditEvent, recordAudit } from './record-audit.ts';
export {
  coveredUntil,
  createPartitionsAhead,
  dropExpiredPartitions,
  expiredPartitions,
  listPartitions,
  type Partition,
  type Retention,
} from './retention.ts';
export {
  ChainHeadError,
  readSealingState,
  rekeyChain,
  type SealedBatch,
  type SealOptions,
  sealBatch,
} from './seal.ts';
export {
  type AuditFilter,
  type AuditPosition,
  type AuditRow,
  countAudit,
  EVENT_TYPE_FILTER,
  exportAudit,
  searchAudit,
} from './search.ts';
export { type Finding, type Verification, verifyAudit } from './verify.ts';
