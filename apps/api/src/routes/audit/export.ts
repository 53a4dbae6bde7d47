import { EXPORT_CONTENT_TYPES, exportAudit, formatExport } from '@sv-sdk/audit';
import { z } from 'zod';
import { requirePermission } from '../../authorise.ts';
import { streamEndpoint } from '../../endpoint/endpoint.ts';
import { filterParameters } from './filter.ts';

export const exportAuditLog = streamEndpoint({
  path: '/api/v1/audit/export',
  operationId: 'exportAudit',
  summary: 'All audit rows that match, newest first, as one file',
  tag: 'audit',
  access: 'principal',
  query: z.strictObject({
    ...filterParameters,
    format: z.enum(['csv', 'json'], { error: 'must be csv or json' }).default('csv'),
  }),
  status: 200,
  contentTypes: Object.values(EXPORT_CONTENT_TYPES),
  async handle({ services, principal, query, withTx }) {
    requirePermission(principal, 'read:any:audit');
    const { format, ...filter } = query;
    // Before the first row: who took them is known even where the download breaks off.
    await withTx((_tx, audit) => audit('audit.exported', { format, ...filter }));
    const batches = exportAudit(() => services.db.read(principal.userId), filter);
    return {
      contentType: `${EXPORT_CONTENT_TYPES[format]}; charset=utf-8`,
      filename: `audit-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.${format}`,
      chunks: formatExport(batches, format),
    };
  },
});
