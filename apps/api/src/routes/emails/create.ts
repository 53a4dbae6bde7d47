import { EmailInputError, enqueueEmails, PRIORITIES } from '@sv-sdk/email';
import { z } from 'zod';
import { requirePermission } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { ApiError } from '../../errors.ts';
import { emailAddress, givenMoment } from '../../schemas.ts';

const MAX_EMAILS = 1000;

/** What a template can print. A tree of values could be too deep to be written as JSON. */
const variable = z.union([z.string().max(10_000), z.number(), z.boolean(), z.null()]);

const email = z
  .strictObject({
    to: emailAddress,
    template: z.string().min(1).max(100),
    locale: z
      .string()
      .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, { error: 'must be a language tag such as en or fr-CA' })
      .max(35)
      .optional(),
    variables: z.record(z.string().min(1).max(100), variable),
    priority: z.literal([...PRIORITIES]).optional(),
    sendAt: givenMoment.optional(),
  })
  .meta({ id: 'NewEmail' });

export const createEmails = itemEndpoint({
  method: 'post',
  path: '/api/v1/emails',
  operationId: 'createEmails',
  summary: 'Send one email, or many',
  tag: 'emails',
  access: 'principal',
  body: z.union([email, z.strictObject({ emails: z.array(email).min(1).max(MAX_EMAILS) })]),
  status: 202,
  data: z.strictObject({ ids: z.array(z.string()).meta({ description: 'In the order of the emails.' }) }),
  /** All of them or none: accepted means that the rows are there, and the relay will find them. */
  async handle({ principal, body, withTx }) {
    requirePermission(principal, 'create:any:email');
    const isMany = 'emails' in body;
    const inputs = (isMany ? body.emails : [body]).map((input) => ({
      ...input,
      requestedBy: principal.userId,
    }));
    const accepted = await withTx(async (tx, audit) => {
      const emails = await enqueueEmails(tx, inputs).catch((error: unknown) => {
        throw error instanceof EmailInputError ? invalid(error, isMany) : error;
      });
      await audit('email.queued', { emailIds: emails.map(({ id }) => id) });
      return emails;
    });
    return { ids: accepted.map(({ id }) => id) };
  },
});

function invalid(error: EmailInputError, isMany: boolean): ApiError {
  const field = isMany ? `emails[${error.index}].${error.field}` : error.field;
  return new ApiError('VALIDATION_ERROR', `${field}: ${error.message}`, {
    field,
    details: [{ field, message: error.message }],
    cause: error,
  });
}
