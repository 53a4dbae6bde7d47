import { z } from 'zod';
import type { Sender } from './from.ts';
import { failureOfStatus, type JsonAnswer, postJson, withinBounds } from './http.ts';
import { type EmailProvider, ProviderError } from './provider.ts';

const refusal = z.object({
  errors: z.array(z.object({ message: z.string(), field: z.string().nullish() })).min(1),
});

/**
 * Sends by SendGrid's API (`POST /v3/mail/send`). Its events carry our id as `email_send_id`.
 * SendGrid's SDK is left: docs/adr/0018.
 */
export function createSendGridProvider(options: {
  apiUrl: string;
  apiKey: string;
  sender: Sender;
}): EmailProvider {
  const { apiKey, sender } = options;
  const url = new URL('/v3/mail/send', options.apiUrl).href;
  return {
    name: 'sendgrid',

    async send(email, signal) {
      const answer = await postJson(url, {
        headers: { authorization: `Bearer ${apiKey}` },
        body: {
          personalizations: [{ to: [{ email: email.to }] }],
          from: { email: sender.address, ...(sender.name && { name: sender.name }) },
          subject: email.subject,
          // SendGrid wants them in this order.
          content: [
            { type: 'text/plain', value: email.text },
            { type: 'text/html', value: email.html },
          ],
          headers: email.headers,
          custom_args: { email_send_id: email.id },
          ...(email.attachments.length > 0 && {
            attachments: email.attachments.map(({ filename, contentType, content }) => ({
              filename,
              type: contentType,
              content: content.toString('base64'),
              disposition: 'attachment',
            })),
          }),
        },
        signal,
      });
      const messageId = answer.headers.get('x-message-id');
      if (answer.status === 202 && messageId) return { messageId };
      throw failureOf(answer);
    },

    close: async () => undefined,
  };
}

function failureOf({ status, headers, text, json }: JsonAnswer): ProviderError {
  const { data } = refusal.safeParse(json);
  const reason =
    data?.errors.map(({ message, field }) => (field ? `${field}: ${message}` : message)).join('; ') ?? text;
  if (status === 400 && data !== undefined) {
    const isAboutUs = data.errors.some(({ field }) => field?.startsWith('from'));
    return new ProviderError(isAboutUs ? 'unavailable' : 'rejected', `it answered 400: ${reason}`);
  }
  // SendGrid names the moment (seconds of Unix time) at which its window begins anew.
  const resetAtSeconds = Number(headers.get('x-ratelimit-reset') ?? Number.NaN);
  if (status === 429 && Number.isFinite(resetAtSeconds)) {
    return new ProviderError('unavailable', `it answered 429: ${reason}`, {
      retryAfterSeconds: withinBounds(resetAtSeconds - Date.now() / 1000),
    });
  }
  return failureOfStatus(status, reason, headers);
}
