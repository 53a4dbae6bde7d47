/** What may be taken over of what providers send: any field may be missing, of another type, or longer than it should. */
import type { EmailEvent } from '@sv-sdk/email';
import { malformed } from './receiver.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** Of one event in 1 MB: enough for whatever people look for, too little to fill the database with. */
const MAX_TEXT_LENGTH = 1_000;
const MAX_ADDRESS_LENGTH = 320;
const EMAIL_SEND_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** The body as JSON; throws a VALIDATION_ERROR. */
export function parseJson(body: Buffer | string): unknown {
  try {
    return JSON.parse(
      typeof body === 'string' ? body : new TextDecoder('utf-8', { fatal: true }).decode(body),
    );
  } catch (error) {
    throw malformed('JSON', error);
  }
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object under this name, or an empty one. */
export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

/** A text or a number as a text that Postgres can hold, cut to its length; undefined for anything else and for ''. */
export function textOf(value: unknown, maxLength = MAX_TEXT_LENGTH): string | undefined {
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') return undefined;
  const text = value.replaceAll('\u0000', '').slice(0, maxLength).toWellFormed().trim();
  return text === '' ? undefined : text;
}

export const addressOf = (value: unknown) => textOf(value, MAX_ADDRESS_LENGTH);

/** Our own id, as it was sent along. */
export function emailSendIdOf(value: unknown): string | undefined {
  return typeof value === 'string' && EMAIL_SEND_ID.test(value) ? value : undefined;
}

/** Of an ISO text, or of seconds since 1970; undefined for what is no moment. */
export function momentOf(value: unknown): Date | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const moment = new Date(typeof value === 'number' ? value * 1000 : value);
  // Postgres' timestamps go further than this; what is outside is no event of an email of ours.
  const year = moment.getUTCFullYear();
  return year >= 2000 && year < 2200 ? moment : undefined;
}

/** Those of the named fields that hold a text or a number. */
export function factsOf(fields: Fields, names: readonly string[]): EmailEvent['facts'] {
  return Object.fromEntries(
    names.flatMap((name) => {
      const text = textOf(fields[name]);
      return text === undefined ? [] : [[name, text]];
    }),
  );
}

/** Sorts what a reader made of each entry: an event, `ignored`, or undefined for what it can't read. */
export function gather(readings: readonly (EmailEvent | 'ignored' | undefined)[]) {
  return {
    events: readings.filter((reading) => typeof reading === 'object'),
    ignored: readings.filter((reading) => reading === 'ignored').length,
    unreadable: readings.filter((reading) => reading === undefined).length,
  };
}
