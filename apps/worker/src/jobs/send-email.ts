import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '@sv-sdk/db';
import { renderEmail, TemplateError, type TemplateStore } from '@sv-sdk/email';
import { DeferJob, EMAIL_JOB_ATTEMPTS, type EmailJobHandlers, GiveUpJob } from '@sv-sdk/queue';
import type { Logger } from '@sv-sdk/telemetry';
import type { WorkerMetrics } from '../metrics.ts';
import { type EmailProvider, ProviderError } from '../providers/provider.ts';
import {
  type Claim,
  type ClaimedEmail,
  claimEmail,
  recordFailed,
  recordRetry,
  recordSent,
  releaseUncounted,
} from './email-row.ts';

/** An email that nobody could be asked about for a day is of no use any more, and says so. */
const GIVE_UP_AFTER_MS = 24 * 3600 * 1000;
const DATABASE_PAUSE_MS = 5000;
/** From 5 s to a minute between two tries at a provider that is away, by how long it has been. */
const MIN_PROVIDER_PAUSE_MS = 5000;
const MAX_PROVIDER_PAUSE_MS = 60_000;
/** Two jobs of one email must not meet again at the same moment. */
const HELD_MARGIN_MS = 1000;
/** What was sent must be written down: tried for so long, within the claim's lease. */
const RECORD_PATIENCE_MS = 30_000;
const RECORD_PAUSE_MS = 500;
const ADDRESS = /[^\s<>@]+@[^\s<>@]+/g;
/** A worker that dies of an email takes it this often; an observed failure ends it after EMAIL_JOB_ATTEMPTS. */
const MAX_STARTS = 10;

export interface SendEmailOptions {
  db: Database;
  templates: TemplateStore;
  provider: EmailProvider;
  metrics: WorkerMetrics;
  logger: Logger;
}

/**
 * The job `send`: claims the email's row, renders it, hands it to the provider and writes down what came of
 * it. At least once: a crash between the provider's answer and the record sends it again, with the same Message-ID.
 */
export function createSendEmail(options: SendEmailOptions): EmailJobHandlers['send'] {
  const { db, metrics, logger, provider } = options;
  return async ({ emailSendId }) => {
    const claim = await claimOrDefer(db, emailSendId);
    if (claim.outcome === 'done') {
      metrics.countSend(provider.name, 'skipped');
      return;
    }
    if (claim.outcome === 'held') {
      metrics.countSend(provider.name, 'skipped');
      throw new DeferJob('another worker has this email', claim.remainingMs + HELD_MARGIN_MS);
    }
    const { email } = claim;
    if (claim.abandoned) {
      logger.warn(
        { emailSendId, attempt: email.attempts },
        'taken over from a worker that was not heard of again',
      );
    }
    let messageId: string;
    try {
      ({ messageId } = await deliver(options, email));
    } catch (error) {
      return await recordFailure(options, email, error);
    }
    await persistently(() => recordSent(db, email, { provider: provider.name, messageId }));
    metrics.countSend(provider.name, 'sent');
  };
}

/** While Postgres is away no email is at fault: its job waits and loses no attempt. */
async function claimOrDefer(db: Database, emailSendId: string): Promise<Claim> {
  try {
    return await claimEmail(db, emailSendId);
  } catch (error) {
    // Drizzle's own message is the whole statement; what Postgres or the network said is its cause.
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw new DeferJob(`the email can't be claimed: ${reasonOf(cause)}`, DATABASE_PAUSE_MS);
  }
}

async function deliver({ templates, provider }: SendEmailOptions, email: ClaimedEmail) {
  if (email.attempts > MAX_STARTS) {
    throw new ProviderError(
      'rejected',
      `given up: ${MAX_STARTS} workers took it and none was heard of again`,
    );
  }
  const template = await templates.find(email.template, email.locale);
  if (template === undefined) throw new TemplateError(`there is no active template "${email.template}"`);
  const { subject, html, text } = await renderEmail(template, email.variables);
  return await provider.send({
    id: email.id,
    to: email.recipient,
    subject,
    html,
    text,
    headers: {},
    attachments: [],
  });
}

/**
 * Writes the failure down and tells the queue, by what it throws, whether and when to try again. The row has
 * the whole reason; the queue and the log have it without the addresses that servers like to repeat.
 */
async function recordFailure(options: SendEmailOptions, email: ClaimedEmail, error: unknown): Promise<never> {
  const { db, metrics, provider } = options;
  const reason = reasonOf(error);
  const maskedReason = reason.replace(ADDRESS, '[address]');
  const ageMs = Date.now() - (email.sendAt ?? email.createdAt).getTime();
  // Whatever is neither the template nor the provider (Postgres, say) is nobody's fault here either.
  const failure =
    error instanceof ProviderError
      ? error.failure
      : error instanceof TemplateError
        ? 'rejected'
        : 'unavailable';

  if (failure === 'unavailable' && ageMs < GIVE_UP_AFTER_MS) {
    await persistently(() => releaseUncounted(db, email, reason));
    metrics.countSend(provider.name, 'deferred');
    const pauseMs = Math.min(MAX_PROVIDER_PAUSE_MS, Math.max(MIN_PROVIDER_PAUSE_MS, ageMs / 4));
    throw new DeferJob(maskedReason, pauseMs);
  }
  if ((failure === 'refused' || failure === 'uncertain') && email.attempts < EMAIL_JOB_ATTEMPTS) {
    await persistently(() => recordRetry(db, email, reason));
    metrics.countSend(provider.name, 'retried');
    throw new Error(maskedReason);
  }
  await persistently(() => recordFailed(db, email, { provider: provider.name, reason }));
  metrics.countSend(provider.name, 'failed');
  throw new GiveUpJob(maskedReason);
}

/** A record that is lost sends an email twice: a short absence of Postgres is waited for. */
async function persistently(record: () => Promise<void>): Promise<void> {
  const deadlineMs = performance.now() + RECORD_PATIENCE_MS;
  for (;;) {
    try {
      return await record();
    } catch (error) {
      if (performance.now() >= deadlineMs) throw error;
      await sleep(RECORD_PAUSE_MS);
    }
  }
}

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
