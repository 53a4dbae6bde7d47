/** Brevo's transactional webhooks, single and batched. https://developers.brevo.com/docs/transactional-webhooks */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { EmailEvent, EmailEventType } from '@sv-sdk/email';
import {
  addressOf,
  emailSendIdOf,
  factsOf,
  gather,
  isFields,
  momentOf,
  parseJson,
  textOf,
} from './fields.ts';
import { malformed, refuse, type WebhookReceiver } from './receiver.ts';

const TYPES: Readonly<Record<string, EmailEventType>> = {
  request: 'sent',
  sent: 'sent',
  deferred: 'deferred',
  delivered: 'delivered',
  hard_bounce: 'hard_bounce',
  invalid_email: 'hard_bounce',
  soft_bounce: 'soft_bounce',
  blocked: 'dropped',
  error: 'dropped',
  spam: 'complaint',
};

/** Above this a number counts milliseconds: `ts_epoch` is documented as such, and its examples are seconds. */
const FIRST_MILLISECONDS = 1e11;

/**
 * Brevo signs nothing. It sends the token that was given when the webhook was made: as `auth` with `type: bearer`, or
 * as the password in the webhook's URL. Of several any will do: Brevo changes to a new one later than we do.
 */
export function createBrevoReceiver(options: { tokens: readonly string[] }): WebhookReceiver {
  const expected = options.tokens.map(digest);
  return {
    provider: 'brevo',
    async receive({ headers, body }) {
      const sent = credentialOf(headers);
      if (sent === undefined) throw refuse('no credential');
      if (!expected.some((token) => timingSafeEqual(digest(sent), token))) throw refuse('wrong credential');
      const parsed = parseJson(body);
      if (!Array.isArray(parsed) && !isFields(parsed)) throw malformed('an event or a list of events');
      return gather([parsed].flat().map(readEvent));
    },
  };
}

/** Of one length, whatever was sent. */
const digest = (text: string) => createHash('sha256').update(text).digest();

function credentialOf(headers: IncomingHttpHeaders): string | undefined {
  const [, scheme, value] = /^(Bearer|Basic) +(\S+)$/i.exec(headers.authorization ?? '') ?? [];
  if (scheme === undefined || value === undefined) return undefined;
  if (scheme.toLowerCase() === 'bearer') return value;
  const userAndPassword = Buffer.from(value, 'base64').toString();
  return userAndPassword.includes(':') ? userAndPassword.slice(userAndPassword.indexOf(':') + 1) : undefined;
}

function readEvent(fields: unknown): EmailEvent | 'ignored' | undefined {
  if (!isFields(fields) || typeof fields['event'] !== 'string') return undefined;
  const type = Object.hasOwn(TYPES, fields['event']) ? TYPES[fields['event']] : undefined;
  if (type === undefined) return 'ignored';
  const messageId = textOf(fields['message-id']);
  const recipient = addressOf(fields['email']);
  return {
    eventId: eventIdOf(fields),
    type,
    messageId,
    emailSendId: emailSendIdOf(fields['X-Mailin-custom']),
    recipient,
    occurredAt: occurredAtOf(fields),
    detail: textOf(fields['reason']),
    facts: factsOf(fields, ['event', 'reason', 'ts_event', 'ts_epoch', 'id', 'sending_ip']),
  };
}

/** `id` is the webhook's, and an event has none: it is what it says of whom and when. A repetition says the same. */
function eventIdOf(fields: Readonly<Record<string, unknown>>): string {
  const names = ['event', 'message-id', 'email', 'X-Mailin-custom', 'ts_event', 'ts', 'ts_epoch'];
  const identity = names.map((name) => textOf(fields[name]) ?? null);
  return createHash('sha256').update(JSON.stringify(identity)).digest('base64url');
}

/** `date` and `ts` are in the time zone of the account; these two are in UTC. */
function occurredAtOf(fields: Readonly<Record<string, unknown>>): Date | undefined {
  const seconds = [fields['ts_event'], fields['ts_epoch']]
    .filter((value) => typeof value === 'number')
    .map((value) => (value > FIRST_MILLISECONDS ? value / 1000 : value));
  return momentOf(seconds[0]);
}
