/** Pieces that the schemas of several resources are made of. */
import { MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH } from '@sv-sdk/auth';
import { isPermission } from '@sv-sdk/permissions';
import { z } from 'zod';

/** A path parameter; ids are UUIDv7, but any text of their kind is just not found. */
export const idParams = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, { error: 'is not an id' }),
});

/** Postgres' text can't hold NUL, and no name needs a control character. */
const printable = /^[^\p{Cc}]*$/u;

export const nameText = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(printable, { error: 'must hold no control characters' });

/** Addresses are kept and compared in lower case; RFC 5321 allows 254 characters. */
export const emailAddress = z.email().max(254).toLowerCase();

export const newPassword = z.string().min(MIN_PASSWORD_LENGTH).max(MAX_PASSWORD_LENGTH);

export const permissionText = z
  .string()
  .max(200)
  .refine(isPermission, { error: 'must be action:scope:resource, such as read:any:user' })
  .meta({ examples: ['read:any:user'] });

/** A whole number out of a query, where everything is text. */
export const integerParameter = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,10}$/, { error: `must be a whole number from ${min} to ${max}` })
    .transform(Number)
    .refine((value) => value >= min && value <= max, {
      error: `must be a whole number from ${min} to ${max}`,
    })
    .meta({
      override: ({ jsonSchema }) => {
        delete jsonSchema.pattern;
        Object.assign(jsonSchema, { type: 'integer', minimum: min, maximum: max });
      },
    });

export const moment = z.iso.datetime();

/** A moment of a caller's, in any time zone. */
export const givenMoment = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
