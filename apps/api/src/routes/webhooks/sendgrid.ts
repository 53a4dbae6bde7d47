/** SendGrid's Event Webhook. https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event */
import { type KeyObject, verify } from 'node:crypto';
import { EMAIL_SEND_ID_TAG, type EmailEvent, type EmailEventType } from '@sv-sdk/email';
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
import { assertFresh, malformed, refuse, type WebhookReceiver } from './receiver.ts';

const SIGNATURE = 'x-twilio-email-event-webhook-signature';
const TIMESTAMP = 'x-twilio-email-event-webhook-timestamp';

const TYPES: Readonly<Record<string, EmailEventType>> = {
  processed: 'sent',
  deferred: 'deferred',
  delivered: 'delivered',
  bounce: 'hard_bounce',
  dropped: 'dropped',
  spamreport: 'complaint',
};

/** Addresses that SendGrid knows to be no good, so it does not even try. */
const DROPPED_AS_BOUNCED = /^(bounced address|invalid)$/i;

/** ECDSA with SHA-256 over timestamp and body (node:crypto: SendGrid's own library computes it in JavaScript). */
export function createSendGridReceiver(options: { publicKey: KeyObject }): WebhookReceiver {
  return {
    provider: 'sendgrid',
    async receive({ headers, body }) {
      const [signature, timestamp] = [headers[SIGNATURE], headers[TIMESTAMP]];
      if (typeof signature !== 'string' || typeof timestamp !== 'string') throw refuse('not signed');
      const signed = Buffer.concat([Buffer.from(timestamp), body]);
      if (!verify('sha256', signed, options.publicKey, Buffer.from(signature, 'base64'))) {
        throw refuse('wrong signature');
      }
      assertFresh(new Date(Number(timestamp) * 1000));
      const parsed = parseJson(body);
      if (!Array.isArray(parsed)) throw malformed('a list of events');
      return gather(parsed.map(readEvent));
    },
  };
}

function readEvent(fields: unknown): EmailEvent | 'ignored' | undefined {
  if (!isFields(fields) || typeof fields['event'] !== 'string') return undefined;
  const type = typeOf(fields);
  if (type === undefined) return 'ignored';
  const eventId = textOf(fields['sg_event_id']);
  if (eventId === undefined) return undefined;
  return {
    eventId,
    type,
    messageId: messageIdOf(fields['sg_message_id']),
    emailSendId: emailSendIdOf(fields[EMAIL_SEND_ID_TAG]),
    recipient: addressOf(fields['email']),
    occurredAt: momentOf(fields['timestamp']),
    detail: textOf(fields['reason']) ?? textOf(fields['response']),
    facts: factsOf(fields, [
      'event',
      'type',
      'reason',
      'response',
      'status',
      'attempt',
      'bounce_classification',
      'smtp-id',
      'sg_message_id',
    ]),
  };
}

function typeOf(fields: Readonly<Record<string, unknown>>): EmailEventType | undefined {
  const name = String(fields['event']);
  const type = Object.hasOwn(TYPES, name) ? TYPES[name] : undefined;
  // `blocked`: the server refused it this time, and the address is as good as before.
  if (type === 'hard_bounce' && fields['type'] === 'blocked') return 'soft_bounce';
  if (type === 'dropped' && DROPPED_AS_BOUNCED.test(String(fields['reason']))) return 'hard_bounce';
  return type;
}

/** What the API answered as X-Message-Id; SendGrid appends the machine that handled it. */
function messageIdOf(value: unknown): string | undefined {
  return textOf(value)?.replace(/\.(filter|recvd).*$/, '');
}
