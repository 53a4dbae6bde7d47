import { emailStats } from '@sv-sdk/email';
import { z } from 'zod';
import { requirePermission } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { ApiError } from '../../errors.ts';
import { boundary, moment } from '../../schemas.ts';

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 30;
/** 366 days are one year with its leap day. */
const MAX_DAYS = 366;

const counts = {
  accepted: z.int(),
  queued: z.int(),
  sent: z.int().meta({ description: 'Handed to a provider; delivered and bounced are among them.' }),
  delivered: z.int(),
  bounced: z.int(),
  complained: z.int(),
  failed: z.int(),
  suppressed: z.int(),
  cancelled: z.int(),
  uncertain: z.int().meta({ description: 'May have gone out, or gone out twice; also counted elsewhere.' }),
  costUsd: z.number().meta({ description: '(sent / 1000) × EMAIL_COST_PER_1000 of the provider.' }),
};
const provider = z.string().nullable().meta({ description: 'null: none was asked.' });

export const getEmailStats = itemEndpoint({
  method: 'get',
  path: '/api/v1/emails/stats',
  operationId: 'getEmailStats',
  summary: 'How many emails became what, by provider and day',
  tag: 'emails',
  access: 'principal',
  query: z.strictObject({
    from: boundary.optional().meta({ description: `${DEFAULT_DAYS} days before \`until\` by default.` }),
    until: boundary.optional().meta({ description: 'Not included; now by default.' }),
  }),
  status: 200,
  data: z
    .strictObject({
      from: moment,
      until: moment,
      total: z.strictObject(counts),
      providers: z.array(z.strictObject({ provider, ...counts })),
      days: z.array(
        z.strictObject({
          day: z.iso.date().meta({ description: 'On which they were accepted, in UTC.' }),
          provider,
          ...counts,
        }),
      ),
    })
    .meta({ id: 'EmailStats' }),
  async handle({ services, principal, query }) {
    requirePermission(principal, 'read:any:email');
    const { until = new Date() } = query;
    const { from = new Date(until.getTime() - DEFAULT_DAYS * DAY_MS) } = query;
    const days = (until.getTime() - from.getTime()) / DAY_MS;
    if (days <= 0) throw invalid('until', 'must be after from');
    if (days > MAX_DAYS) throw invalid('from', `lies more than ${MAX_DAYS} days before until`);
    const db = await services.db.read(principal.userId);
    const stats = await emailStats(db, { from, until }, services.settings.emailCosts);
    return {
      from: from.toISOString(),
      until: until.toISOString(),
      total: stats.total,
      providers: [...stats.providers],
      days: [...stats.days],
    };
  },
});

function invalid(field: string, message: string): ApiError {
  return new ApiError('VALIDATION_ERROR', `${field}: ${message}`, { field });
}
