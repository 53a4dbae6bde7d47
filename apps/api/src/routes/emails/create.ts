import { DEFAULT_LOCALE, EmailInputError, enqueueEmails, PRIORITIES } from '@sv-sdk/email';
import { z } from 'zod';
import { requirePermission } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { ApiError } from '../../errors.ts';
import { emailAddress, givenMoment } from '../../schemas.ts';
import type { Services } from '../../services.ts';
import { base64, filename, mediaType, templateName } from './schemas.ts';

const MAX_EMAILS = 1000;
const MAX_ATTACHMENTS = 10;
/** What is longer was meant in milliseconds, or is better a `sendAt`. */
const MAX_DELAY_SECONDS = 31_536_000;
/** Everything but the attachments. */
const OTHER_BODY_BYTES = 1024 * 1024;

/** What a template can print. A tree of values could be too deep to be written as JSON. */
const variable = z.union([z.string().max(10_000), z.number(), z.boolean(), z.null()]);

const attachment = z
  .strictObject({ filename, contentType: mediaType, content: base64 })
  .meta({ id: 'NewAttachment' });

const email = z
  .strictObject({
    to: emailAddress,
    template: templateName,
    locale: z
      .string()
      .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, { error: 'must be a language tag such as en or fr-CA' })
      .max(35)
      .optional(),
    variables: z.record(z.string().min(1).max(100), variable),
    priority: z
      .literal([...PRIORITIES])
      .optional()
      .meta({ description: '1 is sent first; 5 by default.' }),
    sendAt: givenMoment.optional().meta({ description: 'Not before; must not be past.' }),
    delaySeconds: z
      .int()
      .min(0)
      .max(MAX_DELAY_SECONDS)
      .optional()
      .meta({ description: 'Not before so many seconds have passed; excludes `sendAt`.' }),
    attachments: z
      .array(attachment)
      .max(MAX_ATTACHMENTS)
      .optional()
      .meta({ description: 'Together at most EMAIL_ATTACHMENTS_MAX_BYTES (2 MiB by default).' }),
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
  // base64 makes four bytes of three.
  maxBodyBytes: ({ attachmentsMaxBytes }) => OTHER_BODY_BYTES + Math.ceil(attachmentsMaxBytes / 3) * 4,
  status: 202,
  data: z.strictObject({ ids: z.array(z.string()).meta({ description: 'In the order of the emails.' }) }),
  /** All of them or none: accepted means that the rows are there, and the relay will find them. */
  async handle({ services, principal, body, withTx }) {
    requirePermission(principal, 'create:any:email');
    const isMany = 'emails' in body;
    const accepted = await naming(isMany, async () => {
      const inputs = (isMany ? body.emails : [body]).map((input, index) => ({
        ...checked(input, index, services.settings),
        requestedBy: principal.userId,
      }));
      const templates = await services.templates.findMany(
        inputs.map(({ template, locale = DEFAULT_LOCALE }) => ({ template, locale })),
      );
      return withTx(async (tx, audit) => {
        const emails = await enqueueEmails(tx, inputs, { templates });
        await audit('email.queued', { emailIds: emails.map(({ id }) => id) });
        return emails;
      });
    });
    return { ids: accepted.map(({ id }) => id) };
  },
});

/** What no schema can say of one email. Its delay becomes a moment. */
function checked(
  { delaySeconds, ...input }: z.output<typeof email>,
  index: number,
  { attachmentsMaxBytes }: Services['settings'],
) {
  const bytes = (input.attachments ?? []).reduce((sum, { content }) => sum + content.length, 0);
  if (bytes > attachmentsMaxBytes) {
    const message = `together ${bytes} bytes; the most is ${attachmentsMaxBytes}`;
    throw new EmailInputError('attachments', message, index);
  }
  if (delaySeconds === undefined) return input;
  if (input.sendAt !== undefined) {
    throw new EmailInputError('delaySeconds', 'cannot be combined with sendAt', index);
  }
  // No delay is no moment: by the time the row is written it would be past.
  return delaySeconds === 0 ? input : { ...input, sendAt: new Date(Date.now() + delaySeconds * 1000) };
}

/** Runs `action`; what it finds wrong with an email is answered with the field, of one or of many. */
async function naming<T>(isMany: boolean, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof EmailInputError)) throw error;
    const field = isMany ? `emails[${error.index}].${error.field}` : error.field;
    throw new ApiError('VALIDATION_ERROR', `${field}: ${error.message}`, {
      field,
      details: [{ field, message: error.message }],
      cause: error,
    });
  }
}
