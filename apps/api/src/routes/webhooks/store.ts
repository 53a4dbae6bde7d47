import { type Database, emailWebhooks } from '@sv-sdk/db';
import type { EmailEvent, EmailEventType } from '@sv-sdk/email';
import { sql } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import type { WebhookProvider } from './receiver.ts';

/**
 * Writes the events down, each once however often it comes; answers the types of those that are new. One statement, one
 * parameter: what it resolves with is committed.
 */
export async function storeEvents(
  db: Database,
  provider: WebhookProvider,
  events: readonly EmailEvent[],
): Promise<EmailEventType[]> {
  if (events.length === 0) return [];
  const rows = events.map((event) => ({
    id: uuidv7(),
    event_id: event.eventId,
    event_type: event.type,
    message_id: event.messageId,
    email_send_id: event.emailSendId,
    recipient: event.recipient,
    occurred_at: event.occurredAt,
    payload: { ...event.facts, ...(event.detail !== undefined && { detail: event.detail }) },
  }));
  // In order: two requests with the same events wait for one another, and not each for the other.
  const { rows: stored } = await db.write().execute<{ event_type: EmailEventType }>(sql`
    insert into ${emailWebhooks}
      (id, provider, event_id, event_type, message_id, email_send_id, recipient, occurred_at, payload)
    select id, ${provider}, event_id, event_type, message_id, email_send_id, recipient, occurred_at, payload
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as event (
      id text, event_id text, event_type text, message_id text, email_send_id text, recipient text,
      occurred_at timestamptz, payload jsonb)
    order by event_id
    on conflict (provider, event_id) do nothing
    returning event_type`);
  return stored.map(({ event_type }) => event_type);
}
