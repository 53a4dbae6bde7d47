import { countAudit, searchAudit } from '@sv-sdk/audit';
import { z } from 'zod';
import { requirePermission } from '../../authorise.ts';
import { listEndpoint } from '../../endpoint/endpoint.ts';
import { ApiError } from '../../errors.ts';
import {
  COUNT_CAP,
  cursorParameters,
  newestFirst,
  offsetOf,
  pageRequestOf,
  paginate,
} from '../../pagination.ts';
import { filterParameters } from './filter.ts';
import { auditView, viewAuditRow } from './view.ts';

/** Rows that are skipped are read: this many take some 100 ms. A cursor skips none. */
const MAX_OFFSET = 100_000;

export const listAudit = listEndpoint({
  method: 'get',
  path: '/api/v1/audit',
  operationId: 'listAudit',
  summary: 'What happened, newest first',
  tag: 'audit',
  access: 'principal',
  query: z.strictObject({ ...cursorParameters, ...filterParameters }),
  status: 200,
  data: auditView,
  async handle({ services, principal, query }) {
    requirePermission(principal, 'read:any:audit');
    const { eventType, userId, from, to } = query;
    const filter = { eventType, userId, from, to };
    const request = pageRequestOf(query, newestFirst('audit', filter));
    const offset = offsetOf(request);
    if (offset > MAX_OFFSET) {
      const message = `page: lies more than ${MAX_OFFSET} rows into the log; go on with cursor, or choose a period`;
      throw new ApiError('VALIDATION_ERROR', message, { field: 'page' });
    }
    const db = await services.db.read(principal.userId);
    const [rows, total] = await Promise.all([
      searchAudit(db, filter, { limit: request.pageSize + 1, offset, after: request.after }),
      countAudit(db, filter, COUNT_CAP),
    ]);
    const { items, pagination } = paginate(rows, request, total);
    return { items: items.map(viewAuditRow), pagination };
  },
});
