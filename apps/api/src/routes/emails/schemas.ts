/** Pieces of the emails' schemas. */
import { REPLAYABLE_STATUSES } from '@sv-sdk/email';
import { z } from 'zod';

export const templateName = z.string().min(1).max(100);

/** `application/pdf`, without parameters. A multipart would be parts of our own message, made by the caller. */
export const mediaType = z
  .string()
  .max(127)
  .regex(/^[A-Za-z0-9][\w!#$&^.+-]*\/[A-Za-z0-9][\w!#$&^.+-]*$/, {
    error: 'must be a media type such as application/pdf',
  })
  .refine((type) => !type.toLowerCase().startsWith('multipart/'), { error: 'must be no multipart' });

/** A name and no path; it stands in a header of the message. */
export const filename = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}/\\]+$/u, {
    error: 'must be a name without a path and without control characters',
  });

/** Of 2 MB in one text a regular expression would be a detour: what comes back the same was base64. */
export const base64 = z
  .string()
  .min(1)
  .transform((text, context) => {
    const bytes = Buffer.from(text, 'base64');
    if (bytes.toString('base64') !== text) {
      context.addIssue({ code: 'custom', message: 'must be base64' });
      return z.NEVER;
    }
    return bytes;
  })
  .meta({ override: ({ jsonSchema }) => Object.assign(jsonSchema, { contentEncoding: 'base64' }) });

export const replayableStatus = z.enum(REPLAYABLE_STATUSES);
