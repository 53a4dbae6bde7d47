import { z } from 'zod';
import type { Sender } from './from.ts';
import { failureOfStatus, type JsonAnswer, postJson, withinBounds } from './http.ts';
import { type EmailProvider, ProviderError } from './provider.ts';

const accepted = z.object({ messageId: z.string().min(1) });
const refusal = z.object({ code: z.string(), message: z.string() });
/** Codes that speak of the request itself. Every other one (credits, validation of the account) is about us. */
const ABOUT_THE_EMAIL = new Set(['invalid_parameter', 'missing_parameter', 'out_of_range']);

/**
 * Sends by Brevo's API (`POST /v3/smtp/email`). Its events carry our id in `X-Mailin-custom`.
 * Brevo's SDK is left: docs/adr/0018.
 */
export function createBrevoProvider(options: {
  apiUrl: string;
  apiKey: string;
  sender: Sender;
}): EmailProvider {
  const { apiKey, sender } = options;
  const url = new URL('/v3/smtp/email', options.apiUrl).href;
  return {
    name: 'brevo',

    async send(email, signal) {
      const answer = await postJson(url, {
        headers: { 'api-key': apiKey },
        body: {
          sender: { email: sender.address, ...(sender.name && { name: sender.name }) },
          to: [{ email: email.to }],
          subject: email.subject,
          htmlContent: email.html,
          textContent: email.text,
          headers: { ...email.headers, 'X-Mailin-custom': email.id },
          ...(email.attachments.length > 0 && {
            attachment: email.attachments.map(({ filename, content }) => ({
              name: filename,
              content: content.toString('base64'),
            })),
          }),
        },
        signal,
      });
      const result = accepted.safeParse(answer.json);
      if (answer.status === 201 && result.success) return { messageId: result.data.messageId };
      throw failureOf(answer);
    },

    close: async () => undefined,
  };
}

function failureOf({ status, headers, text, json }: JsonAnswer): ProviderError {
  const { data } = refusal.safeParse(json);
  const reason = data === undefined ? text : `${data.code}: ${data.message}`;
  if (status === 400 && data !== undefined) {
    // "Sending has been rejected because the sender you used … is not valid": no email of ours will pass.
    const isAboutUs = !ABOUT_THE_EMAIL.has(data.code) || /\bsender\b/i.test(data.message);
    return new ProviderError(isAboutUs ? 'unavailable' : 'rejected', `it answered 400: ${reason}`);
  }
  // Brevo counts the seconds until its window begins anew.
  const resetSeconds = Number(headers.get('x-sib-ratelimit-reset') ?? Number.NaN);
  if (status === 429 && Number.isFinite(resetSeconds)) {
    return new ProviderError('unavailable', `it answered 429: ${reason}`, {
      retryAfterSeconds: withinBounds(resetSeconds),
    });
  }
  return failureOfStatus(status, reason, headers);
}
