export { maskMetadata } from './mask.ts';
export { type AuditEvent, recordAudit } from './record-audit.ts';
