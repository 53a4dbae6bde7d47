/** What a user's fields may hold, wherever they come from. */
import { z } from 'zod';

/** Addresses are kept and compared in lower case; RFC 5321 allows 254 characters. */
export const userEmail = z.email().max(254).toLowerCase();

/** Postgres' text can't hold NUL, and no name needs a control character. */
export const userName = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}]*$/u, { error: 'must hold no control characters' });
