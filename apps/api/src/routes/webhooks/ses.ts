/** Amazon SES through SNS. https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html */
import http from 'node:http';
import https from 'node:https';
import { EMAIL_SEND_ID_TAG, type EmailEvent, type EmailEventType } from '@sv-sdk/email';
import { ApiError } from '../../errors.ts';
import {
  addressOf,
  emailSendIdOf,
  type Fields,
  factsOf,
  fieldsOf,
  isFields,
  momentOf,
  parseJson,
  textOf,
} from './fields.ts';
import { assertFresh, type Receipt, refuse, type WebhookReceiver } from './receiver.ts';
import { type Agents, DownloadError, download } from './sns/download.ts';
import { isSignedBy, parseSnsMessage, type SnsMessage } from './sns/message.ts';
import { CertificateError, createSigningKeys } from './sns/signing-keys.ts';
import { type Topic, topicOf } from './sns/topic.ts';

/** What SES publishes once to a new topic, in place of an event. */
const GREETING = 'Successfully validated SNS topic';
const NOTHING = { events: [], ignored: 0, unreadable: 0 } satisfies Receipt;

/** Only messages of these topics are taken, and only their subscriptions are confirmed. */
export function createSesReceiver(options: {
  topicArns: readonly string[];
  /** Tests: other roads to Amazon. */
  agents?: Agents;
  /** Tests: PEM. */
  roots?: readonly string[];
}): WebhookReceiver {
  const topics = new Map(options.topicArns.map((arn) => [arn, topicOf(arn)]));
  const agents = options.agents ?? { https: https.globalAgent, http: http.globalAgent };
  const keys = createSigningKeys({ agents, ...(options.roots !== undefined && { roots: options.roots }) });

  const authenticate = async (message: SnsMessage): Promise<Topic> => {
    const topic = topics.get(message.TopicArn);
    if (topic === undefined) throw refuse('a topic that SES_SNS_TOPIC_ARNS does not name');
    const key = await keys.keyAt(message.SigningCertURL, topic).catch((error: unknown) => {
      if (error instanceof CertificateError) throw refuse(`its certificate: ${error.message}`, error);
      // Amazon has no such certificate: the message names one that it never had.
      if (error instanceof DownloadError && error.status !== undefined && error.status < 500) {
        throw refuse('its certificate does not exist', error);
      }
      throw unreachable(error);
    });
    if (!isSignedBy(message, key)) throw refuse('wrong signature');
    assertFresh(new Date(message.Timestamp));
    return topic;
  };

  return {
    provider: 'ses',
    async receive({ body }) {
      const message = parseSnsMessage(parseJson(body));
      const topic = await authenticate(message);
      switch (message.Type) {
        case 'SubscriptionConfirmation':
          await confirm(topic, message.Token, agents);
          return { ...NOTHING, subscribedTo: topic.arn };
        case 'UnsubscribeConfirmation':
          return NOTHING;
        case 'Notification':
          if (message.Message.startsWith(GREETING)) return NOTHING;
          return readEvents(parseJson(message.Message), message.MessageId);
      }
    },
  };
}

/** The address is made here, not taken from the message, so that no message can send us anywhere else. */
async function confirm(topic: Topic, token: string, agents: Agents): Promise<void> {
  const url = new URL(`https://${topic.host}/`);
  url.search = new URLSearchParams({
    Action: 'ConfirmSubscription',
    TopicArn: topic.arn,
    Token: token,
  }).toString();
  await download(url, agents).catch((error: unknown) => {
    throw unreachable(error);
  });
}

function unreachable(cause: unknown): ApiError {
  return new ApiError('EXTERNAL_SERVICE_ERROR', 'Amazon SNS cannot be asked now. Try again.', { cause });
}

/** An event of several recipients is one each. `messageId`: SNS', the same when it is delivered again. */
function readEvents(value: unknown, messageId: string): Receipt {
  if (!isFields(value)) return { ...NOTHING, unreadable: 1 };
  const name = textOf(value['eventType']) ?? textOf(value['notificationType']);
  if (name === undefined) return { ...NOTHING, unreadable: 1 };
  const mail = fieldsOf(value['mail']);
  const about = fieldsOf(value[DETAILS_UNDER[name] ?? name.toLowerCase()]);
  const type = typeOf(name, about);
  if (type === undefined) return { ...NOTHING, ignored: 1 };
  const [tag] = listOf(fieldsOf(mail['tags'])[EMAIL_SEND_ID_TAG]);
  const recipients = recipientsOf(about, mail);
  const events = recipients.map((recipient, index): EmailEvent => {
    const said = fieldsOf(recipient);
    return {
      eventId: index === 0 ? messageId : `${messageId}:${index}`,
      type,
      messageId: textOf(mail['messageId']),
      emailSendId: emailSendIdOf(tag),
      recipient: addressOf(typeof recipient === 'string' ? recipient : said['emailAddress']),
      occurredAt: momentOf(about['timestamp']) ?? momentOf(mail['timestamp']),
      detail:
        textOf(said['diagnosticCode']) ??
        textOf(about['smtpResponse']) ??
        textOf(about['reason']) ??
        textOf(about['errorMessage']) ??
        textOf(about['complaintFeedbackType']) ??
        textOf(about['bounceSubType']),
      facts: {
        event: name,
        ...factsOf(about, FACTS),
        ...factsOf(said, ['action', 'status', 'diagnosticCode']),
      },
    };
  });
  return { ...NOTHING, events };
}

/** Where the details of an event lie, unless under its name in lower case. */
const DETAILS_UNDER: Readonly<Record<string, string>> = {
  DeliveryDelay: 'deliveryDelay',
  'Rendering Failure': 'failure',
};
const FACTS = [
  'bounceType',
  'bounceSubType',
  'complaintFeedbackType',
  'complaintSubType',
  'delayType',
  'errorMessage',
  'feedbackId',
  'reason',
  'reportingMTA',
  'smtpResponse',
  'timestamp',
];

function typeOf(name: string, about: Fields): EmailEventType | undefined {
  switch (name) {
    case 'Send':
      return 'sent';
    case 'Delivery':
      return 'delivered';
    case 'DeliveryDelay':
      return 'deferred';
    case 'Reject':
    case 'Rendering Failure':
      return 'dropped';
    case 'Complaint':
      // Feedback that is no complaint: a failure of DMARC, or somebody who took it out of the spam folder.
      return ['not-spam', 'auth-failure'].includes(String(about['complaintFeedbackType']))
        ? undefined
        : 'complaint';
    case 'Bounce':
      if (about['bounceType'] === 'Permanent') return 'hard_bounce';
      return isAutomaticReply(about) ? undefined : 'soft_bounce';
    default:
      return undefined;
  }
}

/** SES calls an answer such as "out of office" a transient bounce; of a real one the server's report says `failed`. */
function isAutomaticReply(bounce: Fields): boolean {
  const hasFailed = listOf(bounce['bouncedRecipients']).some((said) => fieldsOf(said)['action'] === 'failed');
  return bounce['bounceSubType'] === 'General' && !hasFailed;
}

function recipientsOf(about: Fields, mail: Fields): readonly unknown[] {
  const lists = ['bouncedRecipients', 'complainedRecipients', 'delayedRecipients', 'recipients'];
  const named = lists.map((name) => listOf(about[name])).find((list) => list.length > 0);
  // Without any it still is an event of an email.
  return named ?? [listOf(mail['destination'])[0]];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
