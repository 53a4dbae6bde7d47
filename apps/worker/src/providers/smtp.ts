import type { Logger } from '@sv-sdk/telemetry';
import { createTransport, type SendMailOptions } from 'nodemailer';
import { parseSender } from './from.ts';
import { composeMessage, isComposable } from './mime.ts';
import { type EmailProvider, ProviderError, type ProviderFailure } from './provider.ts';

const CONNECTION_TIMEOUT_MS = 10_000;
/** Servers limit the messages of one connection: Postfix' smtpd closes after some hundreds of errors, SES sooner. */
const MESSAGES_PER_CONNECTION = 500;
/** Silence ends where the sender's deadline does, and no sooner; this is for a connection that nobody waits for. */
const SILENCE_TIMEOUT_MS = 10 * 60_000;

/** What nodemailer puts on its errors. */
interface SmtpError extends Error {
  code?: string;
  responseCode?: number;
}

/**
 * Sends over SMTP, with as many connections as emails may be under way at a time, kept open. TLS by STARTTLS wherever the
 * server offers it, or from the start with smtps://; more settings by the URL's query. A password never travels in the
 * clear: where there is one, TLS is a must (`?ignoreTLS=true` in the URL turns that off).
 */
export function createSmtpProvider(options: {
  url: string;
  /** Beside the URL, so that no password need stand in it. */
  user?: string | undefined;
  password?: string | undefined;
  from: string;
  connections: number;
  logger: Logger;
}): EmailProvider {
  const { logger, user } = options;
  const sender = parseSender(options.from);
  const url = new URL(options.url);
  const hasLogin = user !== undefined || url.username !== '';
  const transport = createTransport({
    pool: true,
    url: options.url,
    ...(user !== undefined && { auth: { user, pass: options.password ?? '' } }),
    requireTLS: hasLogin && url.protocol === 'smtp:' && url.searchParams.get('ignoreTLS') !== 'true',
    maxConnections: options.connections,
    maxMessages: MESSAGES_PER_CONNECTION,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    greetingTimeout: CONNECTION_TIMEOUT_MS,
    socketTimeout: SILENCE_TIMEOUT_MS,
    // No email may make us read a file or fetch a URL.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  // A message is complete for the server with the line of one dot, which follows the last byte that is read here.
  transport.use('stream', (mail, done) => {
    const { onLastByte } = mail.data as Mail;
    mail.message.processFunc((message) => message.once('end', onLastByte));
    done();
  });
  // A pooled connection that the server closes while it is idle; the next message opens another.
  transport.on('error', (error) => logger.warn({ err: error }, 'an SMTP connection failed'));
  return {
    name: 'smtp',

    async send(email, signal) {
      const messageId = `<${email.id}@${sender.domain}>`;
      let mayHaveIt = false;
      const mail: Mail = {
        ...(isComposable(email, sender)
          ? {
              raw: composeMessage(email, { sender, messageId }),
              // As objects: texts would be parsed as lists of addresses.
              envelope: { from: asAddress(sender.address), to: asAddress(email.to) },
            }
          : {
              from: options.from,
              to: asAddress(email.to),
              subject: email.subject,
              html: email.html,
              text: email.text,
              headers: email.headers,
              attachments: email.attachments.map(({ filename, contentType, content }) => ({
                filename,
                contentType,
                content,
              })),
            }),
        messageId,
        ...(signal !== undefined && { signal }),
        onLastByte: () => {
          mayHaveIt = true;
        },
      };
      try {
        await transport.sendMail(mail);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        throw new ProviderError(classify(error, mayHaveIt), reasonOf(error), { cause: error });
      }
      return { messageId };
    },

    async close() {
      transport.close();
    },
  };
}

const asAddress = (address: string) => ({ name: '', address });

/** What goes to nodemailer, and through it to the plugin above. */
type Mail = SendMailOptions & { onLastByte: () => void };

/**
 * RFC 5321: 5yz is for good, 4yz is for now. 421 and 503 speak of the connection, and so does a failed login. With the
 * whole message sent and no answer, the server may have taken it.
 */
function classify({ code, responseCode }: SmtpError, mayHaveIt: boolean): ProviderFailure {
  if (code === 'EAUTH' || responseCode === 421 || responseCode === 503) return 'unavailable';
  if (code === 'EENVELOPE' || code === 'EMESSAGE') {
    // With no answer from the server it is nodemailer's own verdict: an address or a size that can't be sent.
    return responseCode !== undefined && responseCode < 500 ? 'refused' : 'rejected';
  }
  return mayHaveIt ? 'uncertain' : 'unavailable';
}

/** An abort says nothing; its reason does. */
function reasonOf(error: SmtpError): string {
  const { cause } = error;
  return error.code === 'EABORT' && cause instanceof Error
    ? `${error.message}: ${cause.message}`
    : error.message;
}
