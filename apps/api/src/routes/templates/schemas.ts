/** What the templates' requests are made of. */
import {
  canonicalLocale,
  MAX_MJML_LENGTH,
  MAX_SUBJECT_LENGTH,
  MAX_VARIABLES,
  VARIABLE_NAME,
} from '@sv-sdk/email';
import { z } from 'zod';
import { printableText } from '../../schemas.ts';

/** The part between the two is the locale: a colon would end the key that the cache knows a template by. */
export const templateName = z
  .string()
  .max(63)
  .regex(/^[a-z][a-z0-9_]*$/, { error: 'must be of a-z, 0-9 and _, and begin with a letter' })
  .meta({ examples: ['order_shipped'] });

export const templateLocale = z
  .string()
  .max(35)
  .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, { error: 'must be a language tag such as en or fr-CA' })
  .refine((tag) => canonicalLocale(tag) !== undefined, { error: 'is not a language tag' })
  .transform((tag) => canonicalLocale(tag) ?? tag)
  .meta({ examples: ['fr-CA'] });

const variableName = z
  .string()
  .regex(VARIABLE_NAME, { error: 'must be of letters, digits and _, and begin with a letter' });

export const content = {
  subject: printableText
    .min(1)
    .max(MAX_SUBJECT_LENGTH)
    .meta({ examples: ['Your order {{orderNumber}} is on its way'] }),
  mjml: z.string().min(1).max(MAX_MJML_LENGTH),
  kind: z.enum(['transactional', 'marketing']).meta({
    description: 'A marketing template shows `{{unsubscribeUrl}}`, which the platform puts in.',
  }),
};

export const variableNames = z
  .array(variableName)
  .max(MAX_VARIABLES)
  .meta({ description: 'Each must be used, and what is used must be here.', examples: [['orderNumber']] });

/** Values to fill a template with; as POST /api/v1/emails takes them. */
export const variableValues = z
  .record(z.string().min(1).max(100), z.union([z.string().max(10_000), z.number(), z.boolean(), z.null()]))
  .meta({ examples: [{ orderNumber: '4711' }] });

export const holdsSecrets = z.boolean().meta({
  description: 'Its variables open a door (a link to sign in): they are wiped once an email has gone out.',
});
