import { type Db, emailAttachments, emailAttempts } from '@sv-sdk/db';
import { asc, eq, sql } from 'drizzle-orm';
import { requireVisible } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { idParams } from '../../schemas.ts';
import { loadEmail } from './load.ts';
import { emailDetailsView, viewEmailDetails } from './view.ts';

export const getEmail = itemEndpoint({
  method: 'get',
  path: '/api/v1/emails/:id',
  operationId: 'getEmail',
  summary: 'What became of an email, attempt by attempt',
  tag: 'emails',
  access: 'principal',
  params: idParams,
  status: 200,
  data: emailDetailsView,
  errors: ['NOT_FOUND'],
  async handle({ services, principal, params }) {
    const db = await services.db.read(principal.userId);
    const loaded = await loadEmail(db, params.id);
    const email = requireVisible(principal, 'email', loaded, ({ requestedBy }) => requestedBy);
    const [attempts, attachments] = await Promise.all([
      attemptsOf(db, email.id),
      attachmentsOf(db, email.id),
    ]);
    return viewEmailDetails(email, attempts, attachments);
  },
});

const attemptsOf = (db: Db, emailSendId: string) =>
  db
    .select()
    .from(emailAttempts)
    .where(eq(emailAttempts.emailSendId, emailSendId))
    .orderBy(asc(emailAttempts.number));

/** Their content stays where it is: nobody asks what they have sent themselves. */
const attachmentsOf = (db: Db, emailSendId: string) =>
  db
    .select({
      filename: emailAttachments.filename,
      contentType: emailAttachments.contentType,
      bytes: sql<number>`octet_length(${emailAttachments.content})`,
    })
    .from(emailAttachments)
    .where(eq(emailAttachments.emailSendId, emailSendId))
    .orderBy(asc(emailAttachments.position));
