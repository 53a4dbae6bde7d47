import { LEFT_CAP, MAX_REPLAY_ROWS, replayEmail as replay, replayEmails as replayAll } from '@sv-sdk/email';
import { z } from 'zod';
import { requireAct, requirePermission, requireVisible } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { ApiError } from '../../errors.ts';
import { boundary, idParams, printableText } from '../../schemas.ts';
import { loadEmail } from './load.ts';
import { replayableStatus, templateName } from './schemas.ts';
import { emailView, viewEmail } from './view.ts';

export const replayEmail = itemEndpoint({
  method: 'post',
  path: '/api/v1/emails/:id/replay',
  operationId: 'replayEmail',
  summary: 'Send an email again that failed, or ended as uncertain',
  tag: 'emails',
  access: 'principal',
  params: idParams,
  status: 200,
  data: emailView,
  errors: ['NOT_FOUND', 'CONSTRAINT_VIOLATION'],
  async handle({ principal, params, withTx }) {
    return withTx(async (tx, audit) => {
      const loaded = await loadEmail(tx, params.id);
      const email = requireVisible(principal, 'email', loaded, ({ requestedBy }) => requestedBy);
      requireAct(principal, 'update', 'email', email.requestedBy);
      const isReplayed = await replay(tx, email.id);
      const now = (await loadEmail(tx, email.id)) ?? email;
      if (!isReplayed) {
        throw new ApiError('CONSTRAINT_VIOLATION', `The email can't be sent again: it is ${now.status}.`, {
          field: 'status',
        });
      }
      await audit('email.replayed', { emailIds: [email.id] });
      return viewEmail(now);
    });
  },
});

export const replayEmails = itemEndpoint({
  method: 'post',
  path: '/api/v1/emails/replay',
  operationId: 'replayEmails',
  summary: 'Send all emails again that failed, or some of them',
  tag: 'emails',
  access: 'principal',
  body: z.strictObject({
    status: replayableStatus.default('failed').meta({
      description: '`uncertain` ones may have gone out: whoever got one gets it twice.',
    }),
    template: templateName.optional(),
    provider: printableText.max(50).optional(),
    from: boundary.optional().meta({ description: 'Accepted not before this moment.' }),
    until: boundary.optional().meta({ description: 'Accepted before this moment.' }),
    limit: z.int().min(1).max(MAX_REPLAY_ROWS).default(MAX_REPLAY_ROWS),
  }),
  status: 200,
  data: z.strictObject({
    replayed: z.int(),
    left: z.int().meta({
      description: `How many more match, counted up to ${LEFT_CAP}; ask again until none is left.`,
    }),
  }),
  async handle({ principal, body: { limit, ...filter }, withTx }) {
    requirePermission(principal, 'update:any:email');
    const { ids, left } = await withTx(async (tx, audit) => {
      const replayed = await replayAll(tx, filter, limit);
      await audit('email.replayed', { filter, emailIds: replayed.ids });
      return replayed;
    });
    return { replayed: ids.length, left };
  },
});
