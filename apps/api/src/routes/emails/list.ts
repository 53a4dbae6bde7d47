import { type Db, emailSends, emailStatus } from '@sv-sdk/db';
import { allows } from '@sv-sdk/permissions';
import { and, desc, eq, gte, lt, type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import { requirePermission } from '../../authorise.ts';
import { listEndpoint } from '../../endpoint/endpoint.ts';
import { ApiError } from '../../errors.ts';
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
import { boundary, emailAddress } from '../../schemas.ts';
import { templateName } from './schemas.ts';
import { emailView, viewEmail } from './view.ts';

/** Rows that are skipped are read: this many take some 100 ms. A cursor skips none. */
const MAX_OFFSET = 100_000;

const filterParameters = {
  status: z.enum(emailStatus.enumValues).optional(),
  template: templateName.optional(),
  to: emailAddress.optional(),
  from: boundary.optional().meta({ description: 'Accepted not before this moment.' }),
  until: boundary.optional().meta({ description: 'Accepted before this moment.' }),
};

export const listEmails = listEndpoint({
  method: 'get',
  path: '/api/v1/emails',
  operationId: 'listEmails',
  summary: 'Emails, newest first',
  tag: 'emails',
  access: 'principal',
  query: z.strictObject({ ...cursorParameters, ...filterParameters }),
  status: 200,
  data: emailView,
  /** Who may read only their own emails gets these, and no others. */
  async handle({ services, principal, query }) {
    requirePermission(principal, 'read:own:email');
    const owner = allows(principal.permissions, 'read:any:email') ? undefined : principal.userId;
    const { status, template, to, from, until } = query;
    const filter = { status, template, to, from, until };
    const request = pageRequestOf(query, newestFirst('emails', { ...filter, owner }));
    const offset = offsetOf(request);
    if (offset > MAX_OFFSET) {
      const message = `page: lies more than ${MAX_OFFSET} emails into the list; go on with cursor, or choose a period`;
      throw new ApiError('VALIDATION_ERROR', message, { field: 'page' });
    }
    const db = await services.db.read(principal.userId);
    const matches = [
      owner === undefined ? undefined : eq(emailSends.requestedBy, owner),
      status && matchesStatus(status),
      template === undefined ? undefined : eq(emailSends.template, template),
      to === undefined ? undefined : sql`lower(${emailSends.recipient}) = ${to}`,
      from && gte(emailSends.createdAt, from),
      until && lt(emailSends.createdAt, until),
    ];
    const [rows, total] = await Promise.all([
      db
        .select()
        .from(emailSends)
        .where(and(...matches, isAfter(emailSends.createdAt, emailSends.id, request.after)))
        .orderBy(desc(emailSends.createdAt), desc(emailSends.id))
        .limit(request.pageSize + 1)
        .offset(offset),
      cappedTotal(db, newest(db, matches)),
    ]);
    const { items, pagination } = paginate(rows, request, total);
    return { items: items.map(viewEmail), pagination };
  },
});

/** In the order of the page, so that both take the same index and stop as soon. */
const newest = (db: Db, matches: readonly (SQL | undefined)[]) =>
  db
    .select({ id: emailSends.id })
    .from(emailSends)
    .where(and(...matches))
    .orderBy(desc(emailSends.createdAt), desc(emailSends.id))
    .limit(COUNT_CAP + 1)
    .as('newest');

/** In the words of the partial indexes: of a parameter the planner can't tell that it is none of those. */
function matchesStatus(status: (typeof emailStatus.enumValues)[number]): SQL | undefined {
  switch (status) {
    case 'queued':
      return sql`${emailSends.status} = 'queued'`;
    case 'sent':
      return sql`${emailSends.status} = 'sent'`;
    case 'delivered':
      return sql`${emailSends.status} = 'delivered'`;
    default:
      return and(
        sql`${emailSends.status} not in ('queued', 'sent', 'delivered')`,
        eq(emailSends.status, status),
      );
  }
}
