import { EVENT_TYPE_FILTER } from '@sv-sdk/audit';
import { z } from 'zod';
import { boundary, idText } from '../../schemas.ts';

/** The query parameters that choose audit rows. */
export const filterParameters = {
  eventType: z
    .string()
    .max(100)
    .regex(EVENT_TYPE_FILTER, { error: 'must be an event type, or the beginning of one with `.*`' })
    .optional()
    .meta({
      description: 'What happened: `auth.login.refused`; with a star, all that begins so: `auth.*`.',
      examples: ['auth.*'],
    }),
  userId: idText.optional().meta({ description: 'Who did it.' }),
  from: boundary.optional().meta({ description: 'Not before this moment.' }),
  to: boundary.optional().meta({ description: 'Before this moment.' }),
};
