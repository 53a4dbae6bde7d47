import { emailTemplates } from '@sv-sdk/db';
import { and, count, desc, eq } from 'drizzle-orm';
import { z } from 'zod';
import { requirePermission } from '../../authorise.ts';
import { listEndpoint } from '../../endpoint/endpoint.ts';
import {
  cursorParameters,
  isAfter,
  newestFirst,
  offsetOf,
  pageRequestOf,
  paginate,
} from '../../pagination.ts';
import { content, templateLocale, templateName } from './schemas.ts';
import { summarise, summaryColumns, templateSummary } from './view.ts';

export const listTemplates = listEndpoint({
  method: 'get',
  path: '/api/v1/templates',
  operationId: 'listTemplates',
  summary: 'Versions of templates, newest first',
  tag: 'templates',
  access: 'principal',
  query: z.strictObject({
    ...cursorParameters,
    name: templateName.optional(),
    locale: templateLocale.optional(),
    kind: content.kind.optional(),
    isActive: z.enum(['true', 'false']).optional(),
  }),
  status: 200,
  data: templateSummary,
  async handle({ services, principal, query }) {
    requirePermission(principal, 'read:any:template');
    const { name, locale, kind, isActive } = query;
    const request = pageRequestOf(query, newestFirst('templates', { name, locale, kind, isActive }));
    const isWanted = and(
      name === undefined ? undefined : eq(emailTemplates.name, name),
      locale === undefined ? undefined : eq(emailTemplates.locale, locale),
      kind === undefined ? undefined : eq(emailTemplates.kind, kind),
      isActive === undefined ? undefined : eq(emailTemplates.isActive, isActive === 'true'),
    );
    const db = await services.db.read(principal.userId);
    const [rows, [total]] = await Promise.all([
      db
        .select(summaryColumns)
        .from(emailTemplates)
        .where(and(isWanted, isAfter(emailTemplates.createdAt, emailTemplates.id, request.after)))
        .orderBy(desc(emailTemplates.createdAt), desc(emailTemplates.id))
        .limit(request.pageSize + 1)
        .offset(offsetOf(request)),
      // People write templates by hand: they are few.
      db.select({ count: count() }).from(emailTemplates).where(isWanted),
    ]);
    const { items, pagination } = paginate(rows, request, total?.count ?? 0);
    return { items: items.map(summarise), pagination };
  },
});
