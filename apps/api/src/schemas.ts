/** Pieces that the schemas of several resources are made of. */
import { MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH, userEmail, userName } from '@sv-sdk/auth';
import { isPermission } from '@sv-sdk/permissions';
import { z } from 'zod';

/** An id; ours are UUIDv7, but any text of their kind is just not found. */
export const idText = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, { error: 'is not an id' });

/** The path parameter of most routes. */
export const idParams = z.strictObject({ id: idText });

/** Postgres' text can't hold NUL, and no name needs a control character. */
const printable = /^[^\p{Cc}]*$/u;

export const printableText = z.string().regex(printable, { error: 'must hold no control characters' });

export const nameText = userName.meta({ examples: ['Ada Lovelace'] });

export const emailAddress = userEmail.meta({ examples: ['ada@example.org'] });

export const newPassword = z
  .string()
  .min(MIN_PASSWORD_LENGTH)
  .max(MAX_PASSWORD_LENGTH)
  .meta({ examples: ['correct horse battery'] });

export const permissionText = z
  .string()
  .max(200)
  .refine(isPermission, { error: 'must be action:scope:resource, such as read:any:user' })
  .meta({ examples: ['read:any:user'] });

export const MAX_PERMISSIONS_PER_ROLE = 200;

/** The permissions of a role, each once. */
export const permissionList = z
  .array(permissionText)
  .max(MAX_PERMISSIONS_PER_ROLE)
  .transform((permissions) => [...new Set(permissions)]);

/** How a role is called, and referred to. */
export const roleName = z
  .string()
  .max(50)
  .regex(/^[a-z][a-z0-9_]*$/, { error: 'must be of a-z, 0-9 and _, and begin with a letter' })
  .meta({ examples: ['support'] });

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

/** Beyond these a Date and a timestamp don't mean the same. */
const [FIRST_MS, LAST_MS] = [Date.UTC(1970), Date.UTC(9999)];

/** The same, such that Postgres can compare with it. */
export const boundary = givenMoment.refine(
  (date) => date.getTime() >= FIRST_MS && date.getTime() <= LAST_MS,
  { error: 'must be of the years 1970 to 9999' },
);
