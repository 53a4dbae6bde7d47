import { type Db, emailSuppressions } from '@sv-sdk/db';
import { and, desc, eq, type SQL } from 'drizzle-orm';
import { z } from 'zod';
import { requirePermission } from '../../authorise.ts';
import { listEndpoint } from '../../endpoint/endpoint.ts';
import {
  COUNT_CAP,
  cappedTotal,
  cursorParameters,
  isAfter,
  newestFirst,
  offsetOf,
  pageRequestOf,
  paginate,
} from '../../pagination.ts';
import { emailAddress } from '../../schemas.ts';
import { suppressionReason, suppressionView, viewSuppression } from './view.ts';

export const listSuppressions = listEndpoint({
  method: 'get',
  path: '/api/v1/suppressions',
  operationId: 'listSuppressions',
  summary: 'Addresses that nothing is sent to, newest first',
  tag: 'suppressions',
  access: 'principal',
  query: z.strictObject({
    ...cursorParameters,
    email: emailAddress.optional(),
    reason: suppressionReason.optional(),
  }),
  status: 200,
  data: suppressionView,
  async handle({ services, principal, query }) {
    requirePermission(principal, 'read:any:suppression');
    const { email, reason } = query;
    const request = pageRequestOf(query, newestFirst('suppressions', { email, reason }));
    const db = await services.db.read(principal.userId);
    const matches = [
      email === undefined ? undefined : eq(emailSuppressions.email, email),
      reason && eq(emailSuppressions.reason, reason),
    ];
    const [rows, total] = await Promise.all([
      db
        .select()
        .from(emailSuppressions)
        .where(and(...matches, isAfter(emailSuppressions.createdAt, emailSuppressions.id, request.after)))
        .orderBy(desc(emailSuppressions.createdAt), desc(emailSuppressions.id))
        .limit(request.pageSize + 1)
        .offset(offsetOf(request)),
      cappedTotal(db, newest(db, matches)),
    ]);
    const { items, pagination } = paginate(rows, request, total);
    return { items: items.map(viewSuppression), pagination };
  },
});

/** In the order of the page, so that both take the same index and stop as soon. */
const newest = (db: Db, matches: readonly (SQL | undefined)[]) =>
  db
    .select({ id: emailSuppressions.id })
    .from(emailSuppressions)
    .where(and(...matches))
    .orderBy(desc(emailSuppressions.createdAt), desc(emailSuppressions.id))
    .limit(COUNT_CAP + 1)
    .as('newest');
