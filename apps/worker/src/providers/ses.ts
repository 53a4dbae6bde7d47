import { SESv2Client, type SESv2ClientConfig, SendEmailCommand } from '@aws-sdk/client-sesv2';
import { formatSender, type Sender } from './from.ts';
import { failureOfStatus, lostAnswer } from './http.ts';
import { type EmailProvider, ProviderError, type ProviderFailure } from './provider.ts';

const CONNECTION_TIMEOUT_MS = 10_000;
const CHARSET = 'UTF-8';
/** SES gives back in its events: tags[EMAIL_SEND_ID]. */
const EMAIL_SEND_ID = 'email_send_id';
/** The day's quota is a window of 24 hours that slides, so a little of it comes back all the time. */
const QUOTA_RETRY_AFTER_SECONDS = 900;
const THROTTLE_RETRY_AFTER_SECONDS = 1;

/** SES' own names. What is about the account says nothing of the email. */
const MEANINGS: Readonly<Record<string, ProviderFailure>> = {
  BadRequestException: 'rejected',
  MessageRejected: 'rejected',
  AccountSuspendedException: 'unavailable',
  SendingPausedException: 'unavailable',
  MailFromDomainNotVerifiedException: 'unavailable',
  // The configuration set of the setting.
  NotFoundException: 'unavailable',
};

/** What the SDK puts on its errors. */
interface SdkError extends Error {
  $metadata?: { httpStatusCode?: number };
}

/** Sends by Amazon SES v2. Its events carry our id in their tags. Without keys the SDK asks for the machine's role. */
export function createSesProvider(options: {
  region: string;
  endpoint: string | undefined;
  credentials: { accessKeyId: string; secretAccessKey: string } | undefined;
  configurationSet: string | undefined;
  connections: number;
  sender: Sender;
}): EmailProvider {
  const { sender, configurationSet } = options;
  const config: SESv2ClientConfig = {
    region: options.region,
    // The SDK would repeat what it has no answer to, and so send twice without our knowing.
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      httpsAgent: { maxSockets: options.connections, keepAlive: true },
      httpAgent: { maxSockets: options.connections, keepAlive: true },
    },
    ...(options.endpoint !== undefined && { endpoint: options.endpoint }),
    ...(options.credentials !== undefined && { credentials: options.credentials }),
  };
  const client = new SESv2Client(config);
  const from = formatSender(sender);
  return {
    name: 'ses',

    async send(email, signal) {
      const command = new SendEmailCommand({
        FromEmailAddress: from,
        Destination: { ToAddresses: [email.to] },
        Content: {
          Simple: {
            Subject: { Data: email.subject, Charset: CHARSET },
            Body: {
              Html: { Data: email.html, Charset: CHARSET },
              Text: { Data: email.text, Charset: CHARSET },
            },
            Headers: Object.entries(email.headers).map(([Name, Value]) => ({ Name, Value })),
            Attachments: email.attachments.map(({ filename, contentType, content }) => ({
              FileName: filename,
              ContentType: contentType,
              RawContent: content,
              ContentDisposition: 'ATTACHMENT',
              ContentTransferEncoding: 'BASE64',
            })),
          },
        },
        EmailTags: [{ Name: EMAIL_SEND_ID, Value: email.id }],
        ...(configurationSet !== undefined && { ConfigurationSetName: configurationSet }),
      });
      let messageId: string | undefined;
      try {
        const options = signal === undefined ? {} : { abortSignal: signal };
        ({ MessageId: messageId } = await client.send(command, options));
      } catch (error) {
        throw failureOf(error, sender);
      }
      if (!messageId) throw new ProviderError('uncertain', 'it answered 200 without a message id');
      return { messageId };
    },

    async close() {
      client.destroy();
    },
  };
}

function failureOf(error: unknown, sender: Sender): ProviderError {
  if (!(error instanceof Error)) return lostAnswer(error);
  const { name, message, $metadata } = error as SdkError;
  const status = $metadata?.httpStatusCode;
  const reason = `${name}: ${message}`;
  const cause = { cause: error };
  // Before there is any request.
  if (name === 'CredentialsProviderError') return new ProviderError('unavailable', reason, cause);
  if (status === undefined) return lostAnswer(error);
  if (name === 'TooManyRequestsException' || name === 'LimitExceededException' || status === 429) {
    const isQuota = /daily|quota/i.test(message);
    const retryAfterSeconds = isQuota ? QUOTA_RETRY_AFTER_SECONDS : THROTTLE_RETRY_AFTER_SECONDS;
    return new ProviderError('unavailable', reason, { ...cause, retryAfterSeconds });
  }
  // "Email address is not verified. The following identities failed the check": ours, so no email will pass.
  const isAboutUs =
    name === 'MessageRejected' && /not verified/i.test(message) && message.includes(sender.address);
  const meaning = isAboutUs ? 'unavailable' : MEANINGS[name];
  if (meaning !== undefined) return new ProviderError(meaning, `it answered ${status}: ${reason}`, cause);
  return failureOfStatus(status, reason, new Headers());
}
