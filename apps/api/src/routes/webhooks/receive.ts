import { recordAudit } from '@sv-sdk/audit';
import express, { type Express, type Request } from 'express';
import { sendAnswer } from '../../endpoint/answer.ts';
import { clientAddress } from '../../endpoint/mount.ts';
import { isRefusal, recordRefusal } from '../../endpoint/refusals.ts';
import { toApiError } from '../../errors.ts';
import type { ApiResponse } from '../../locals.ts';
import type { Services } from '../../services.ts';
import { createWebhookMetrics } from './metrics.ts';
import { malformed, type Receipt, type WebhookReceiver } from './receiver.ts';
import { storeEvents } from './store.ts';

const PATH = '/api/v1/webhooks/email/:provider';
/** 1 MB of JSON can hold 500,000 entries; no provider sends more than a thousand events. */
const MAX_ENTRIES = 5_000;

const readBody = express.raw({ limit: '1mb', inflate: false, type: () => true });

/**
 * Where email providers tell what became of emails. Not one of the endpoints: its callers are not ours to describe it
 * to, and a signature is over the bytes of a body, not over what a schema makes of it. Here an event is proven and
 * stored, and answered with 2xx once it is committed; the worker applies it.
 */
export function mountEmailWebhooks(app: Express, services: Services): void {
  const receivers = new Map(
    services.emailWebhooks.map((receiver) => [receiver.provider as string, receiver]),
  );
  const metrics = createWebhookMetrics(services.registry);

  app.post(PATH, async (request: Request, response: ApiResponse, next) => {
    const receiver = receivers.get(String(request.params['provider']));
    // Not set up: there is no such route, and it is answered and limited as any other that isn't there.
    if (receiver === undefined) return next();
    response.locals.route = PATH;
    const { headers } = request;
    const ipAddress = clientAddress(request);
    const admit = (limit?: 'webhook') =>
      services.rateLimits.admit({ headers, ipAddress }, response, {
        access: 'public',
        ...(limit !== undefined && { limit }),
      });
    await admit('webhook')();

    let receipt: Receipt;
    try {
      receipt = await receive(receiver, request, response);
    } catch (error) {
      metrics.countRefused(receiver.provider, toApiError(error).code);
      // As anybody's: the limit of webhooks is for those who prove that they are one, and each refusal costs a row.
      await admit()();
      if (isRefusal(error)) {
        const attempt = {
          operationId: 'receiveEmailEvents',
          ipAddress,
          id: receiver.provider,
          caller: undefined,
        };
        await services.db.withTx((tx) => recordRefusal(tx, attempt, error));
      }
      throw error;
    }
    const stored = await storeEvents(services.db, receiver.provider, receipt.events);
    metrics.countReceipt(receiver.provider, receipt, stored);
    if (receipt.subscribedTo !== undefined)
      await recordSubscription(services, ipAddress, receipt.subscribedTo);
    if (receipt.unreadable > 0) {
      const { provider } = receiver;
      services.logger.warn(
        { provider, entries: receipt.unreadable },
        'entries of a webhook could not be read',
      );
    }
    const data = { received: receipt.events.length, stored: stored.length };
    sendAnswer(
      { status: 200, cookies: [], content: { success: true, data } },
      response,
      services.settings.version,
    );
  });
}

async function receive(receiver: WebhookReceiver, request: Request, response: ApiResponse): Promise<Receipt> {
  await new Promise<void>((resolve, reject) => {
    readBody(request, response, (error?: unknown) => (error === undefined ? resolve() : reject(error)));
  });
  // Without a body there is nothing to read, and Express leaves it undefined.
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const receipt = await receiver.receive({ headers: request.headers, body });
  const entries = receipt.events.length + receipt.ignored + receipt.unreadable;
  if (entries > MAX_ENTRIES) throw malformed(`one of at most ${MAX_ENTRIES} events`);
  // One bad entry must not keep a batch from us that is sent again and again; nothing but bad ones is no batch.
  if (receipt.unreadable > 0 && receipt.unreadable === entries) throw malformed("the provider's events");
  return receipt;
}

/** From here on the provider sends its events to us: a change of the platform, if not of a row. */
async function recordSubscription(
  { db, logger }: Services,
  ipAddress: string,
  topicArn: string,
): Promise<void> {
  logger.info({ topicArn }, 'the subscription to a topic of SNS is confirmed');
  await db.withTx((tx) =>
    recordAudit(tx, {
      eventType: 'email.webhook_subscribed',
      userId: null,
      ipAddress,
      metadata: { topicArn },
    }),
  );
}
