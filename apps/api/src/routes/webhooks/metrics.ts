import { Counter, type Registry } from 'prom-client';
import type { Receipt, WebhookProvider } from './receiver.ts';

export interface WebhookMetrics {
  /** What a proven request brought; `stored`: the types of those that were new. */
  countReceipt(provider: WebhookProvider, receipt: Receipt, stored: readonly string[]): void;
  /** By the code of the answer. */
  countRefused(provider: WebhookProvider, code: string): void;
}

export function createWebhookMetrics(registry: Registry): WebhookMetrics {
  const registers = [registry];
  const events = new Counter({
    name: 'sv_email_events_total',
    help: 'Events of email providers that were stored, by provider and type; type `repeated`, `ignored` and `unreadable` are those that were not.',
    labelNames: ['provider', 'type'],
    registers,
  });
  const refused = new Counter({
    name: 'sv_email_webhook_refusals_total',
    help: 'Requests to webhooks that were not taken, by provider and error code.',
    labelNames: ['provider', 'code'],
    registers,
  });
  return {
    countReceipt(provider, receipt, stored) {
      for (const type of stored) events.inc({ provider, type });
      const others = {
        repeated: receipt.events.length - stored.length,
        ignored: receipt.ignored,
        unreadable: receipt.unreadable,
      };
      for (const [type, count] of Object.entries(others))
        if (count > 0) events.inc({ provider, type }, count);
    },
    countRefused: (provider, code) => refused.inc({ provider, code }),
  };
}
