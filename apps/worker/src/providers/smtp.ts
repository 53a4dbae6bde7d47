import type { Logger } from '@sv-sdk/telemetry';
import { createTransport } from 'nodemailer';
import addressparser from 'nodemailer/lib/addressparser';
import { type EmailProvider, ProviderError, type ProviderFailure } from './provider.ts';

const CONNECTION_TIMEOUT_MS = 10_000;
const SILENCE_TIMEOUT_MS = 30_000;
/** A server that trickles its answers is never silent. Below the claim's lease (email-row.ts). */
const SEND_DEADLINE_MS = 60_000;
/** Servers limit the messages of one connection: Postfix' smtpd closes after some hundreds of errors, SES sooner. */
const MESSAGES_PER_CONNECTION = 500;

/** What nodemailer puts on its errors. */
interface SmtpError extends Error {
  code?: string;
  responseCode?: number;
}

/**
 * Sends over SMTP, with as many connections as the worker has jobs at a time, kept open. TLS by STARTTLS
 * wherever the server offers it, or from the start with smtps://; more settings by the URL's query.
 */
export function createSmtpProvider(options: {
  url: string;
  from: string;
  connections: number;
  logger: Logger;
}): EmailProvider {
  const { logger } = options;
  const domain = domainOf(options.from);
  const transport = createTransport({
    pool: true,
    url: options.url,
    maxConnections: options.connections,
    maxMessages: MESSAGES_PER_CONNECTION,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    greetingTimeout: CONNECTION_TIMEOUT_MS,
    socketTimeout: SILENCE_TIMEOUT_MS,
    // No email may make us read a file or fetch a URL.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  // A pooled connection that the server closes while it is idle; the next message opens another.
  transport.on('error', (error) => logger.warn({ err: error }, 'an SMTP connection failed'));
  return {
    name: 'smtp',

    async send(email) {
      const messageId = `<${email.id}@${domain}>`;
      try {
        await transport.sendMail({
          from: options.from,
          // As an object: a text would be parsed as a list of addresses.
          to: { name: '', address: email.to },
          subject: email.subject,
          html: email.html,
          text: email.text,
          messageId,
          signal: AbortSignal.timeout(SEND_DEADLINE_MS),
        });
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        throw new ProviderError(classify(error), error.message, { cause: error });
      }
      return { messageId };
    },

    async close() {
      transport.close();
    },
  };
}

/** RFC 5321: 5yz is for good, 4yz is for now. 421 and 503 speak of the connection, and so does a failed login. */
function classify(error: SmtpError): ProviderFailure {
  const { code, responseCode } = error;
  if (code === 'EAUTH' || responseCode === 421 || responseCode === 503) return 'unavailable';
  if (code === 'EENVELOPE' || code === 'EMESSAGE') {
    // With no answer from the server it is nodemailer's own verdict: an address or a size that can't be sent.
    return responseCode !== undefined && responseCode < 500 ? 'refused' : 'rejected';
  }
  return 'unavailable';
}

/** For the Message-ID, which must be unique in the world: the domain that the emails come from. */
function domainOf(from: string): string {
  const [sender] = addressparser(from, { flatten: true });
  const domain = sender?.address.split('@').at(-1);
  if (!domain) throw new Error(`EMAIL_FROM must be an address such as "SV-SDK <noreply@example.org>"`);
  return domain;
}
