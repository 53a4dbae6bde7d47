import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '@sv-sdk/db';
import { TemplateError, type TemplateStore } from '@sv-sdk/email';
import { DeferJob, type EmailJobHandlers, GiveUpJob } from '@sv-sdk/queue';
import type { Logger } from '@sv-sdk/telemetry';
import { DrizzleQueryError } from 'drizzle-orm';
import type { WorkerMetrics } from '../../metrics.ts';
import { ProviderError } from '../../providers/provider.ts';
import type { EmailSender } from '../../providers/sender.ts';
import { createBatch, isOfOneItem } from './batch.ts';
import { type Claim, type ClaimedEmail, claimEmails } from './claim.ts';
import { composeEmail } from './compose.ts';
import { type Outcome, recordOutcomes } from './record.ts';

/** An email that nobody could be asked about for a day is of no use any more, and says so. */
const GIVE_UP_AFTER_MS = 24 * 3600 * 1000;
const DATABASE_PAUSE_MS = 5000;
/** From 5 s to a minute between two tries at a provider that is away, by how long the email has been due. */
const MIN_PROVIDER_PAUSE_MS = 5000;
const MAX_PROVIDER_PAUSE_MS = 60_000;
/** Whatever a provider asks for, somebody looks again within the hour. */
const MAX_RETRY_AFTER_MS = 3600 * 1000;
/** Two jobs of one email must not meet again at the same moment. */
const HELD_MARGIN_MS = 1000;
const CLAIM_PAUSE_MS = 1000;
const RECORD_PAUSE_MS = 500;
/** A worker that dies of an email, or is told to stop, is not the email's failure; it takes it so often all the same. */
const SPARE_STARTS = 7;
const ADDRESS = /[^\s<>@]+@[^\s<>@]+/g;

export interface SendEmailOptions {
  db: Database;
  templates: TemplateStore;
  sender: EmailSender;
  /** Where people reach the platform, for the links to unsubscribe. */
  publicUrl: string;
  /** How long a claim holds when nothing is heard of its worker. Above what `sender.send` may take. */
  leaseSeconds: number;
  /** Whether an email that may have gone out is sent again. */
  retryUncertain: boolean;
  metrics: WorkerMetrics;
  logger: Logger;
}

export interface SendEmail {
  /** The job `send`. */
  readonly handle: EmailJobHandlers['send'];
  /**
   * Takes no more: what no provider has been asked about goes back at once, uncounted. What a provider has in its hands
   * is waited for, at most for `graceMs`, and is then written down as uncertain. Resolves when nothing is held.
   */
  stop(graceMs: number): Promise<void>;
}

/**
 * Claims the email's row, renders it, hands it to a provider and writes down what came of it. At least once: a crash
 * between the provider's answer and the record sends it again, with the same Message-ID, and marks it uncertain.
 * Claims and records of many jobs share statements (batch.ts).
 */
export function createSendEmail(options: SendEmailOptions): SendEmail {
  const { db, sender, metrics, logger, retryUncertain } = options;
  const claim = createBatch<string, Claim>({
    run: (ids) => claimEmails(db, ids, options),
    onRun: (emails) => metrics.observeBatch('claim', emails),
  });
  const record = createBatch<Outcome, boolean>({
    run: (outcomes) => recordOutcomes(db, outcomes),
    onRun: (emails) => metrics.observeBatch('record', emails),
  });
  /** What is sent and not recorded is sent twice: a Postgres that is away is waited for, as nobody else can claim then. */
  const recordPersistently = async (outcome: Outcome): Promise<boolean> => {
    const emailSendId = outcome.email.id;
    for (let failures = 0; ; failures += 1) {
      try {
        return await record(outcome);
      } catch (error) {
        const reason = maskedReasonOf(error);
        // Its lease runs out, and it counts as abandoned.
        if (isOfOneItem(error))
          throw new Error(`the outcome "${outcome.result}" can't be recorded: ${reason}`);
        if (failures === 0) logger.warn({ emailSendId, reason }, 'an outcome waits for Postgres');
        await sleep(RECORD_PAUSE_MS);
      }
    }
  };

  let isStopping = false;
  const cut = new AbortController();
  // Every email that is being sent listens to it.
  setMaxListeners(0, cut.signal);
  let held = 0;
  let onNothingHeld = () => {};

  const attempt = async (email: ClaimedEmail): Promise<Conclusion> => {
    try {
      if (email.attempts > email.maxAttempts + SPARE_STARTS) {
        throw new ProviderError(
          'rejected',
          `given up: ${email.attempts - 1} workers took it and none ended it`,
        );
      }
      const outgoing = await composeEmail(options, email);
      const { provider, messageId } = await sender.send(outgoing, cut.signal);
      return { outcome: { email, result: 'sent', attempt: 'sent', provider, messageId } };
    } catch (error) {
      return judge(email, error, { retryUncertain, isCut: isStopping });
    }
  };

  const handle: EmailJobHandlers['send'] = async ({ emailSendId }) => {
    if (isStopping) throw new DeferJob('this worker stops', 0);
    held += 1;
    try {
      const claimed = await claimOrDefer(claim, emailSendId);
      const email = settleClaim(claimed, emailSendId, options);
      if (email === undefined) return;
      const { outcome, jobError } = await attempt(email);
      const stood = await recordPersistently(outcome);
      if (stood) count(metrics, outcome);
      else
        logger.warn(
          { emailSendId, result: outcome.result },
          'its claim was lost: the outcome does not stand',
        );
      if (jobError !== undefined) throw jobError;
    } finally {
      held -= 1;
      if (held === 0) onNothingHeld();
    }
  };

  return {
    handle,
    async stop(graceMs) {
      isStopping = true;
      sender.handBack();
      if (held === 0) return;
      const nothingHeld = new Promise<void>((resolve) => {
        onNothingHeld = resolve;
      });
      const deadline = setTimeout(() => {
        logger.warn({ emails: held }, 'stopped before their providers answered');
        cut.abort(new Error('the worker had to stop'));
      }, graceMs);
      await nothingHeld;
      clearTimeout(deadline);
    },
  };
}

/** While Postgres is away no email is at fault: its job waits and loses no attempt. */
async function claimOrDefer(claim: (id: string) => Promise<Claim>, emailSendId: string): Promise<Claim> {
  try {
    return await claim(emailSendId);
  } catch (error) {
    // Or a worker would go through the whole queue in a moment, and defer it all.
    await sleep(CLAIM_PAUSE_MS);
    throw new DeferJob(`the email can't be claimed: ${maskedReasonOf(error)}`, DATABASE_PAUSE_MS);
  }
}

/** The email, if it is ours to send. Undefined: it has its end. Throws when its job has to wait. */
function settleClaim(
  claim: Claim,
  emailSendId: string,
  { metrics, logger }: SendEmailOptions,
): ClaimedEmail | undefined {
  if (claim.outcome === 'held') {
    metrics.countSend(NO_PROVIDER, 'skipped');
    throw new DeferJob('another worker has this email', claim.remainingMs + HELD_MARGIN_MS);
  }
  if (claim.outcome === 'done') {
    metrics.countSend(NO_PROVIDER, 'skipped');
    return undefined;
  }
  if (claim.outcome === 'uncertain' || (claim.outcome === 'suppressed' && claim.isAbandoned)) {
    metrics.countUncertain();
  }
  if (claim.outcome !== 'claimed') {
    metrics.countSend(NO_PROVIDER, claim.outcome);
    return undefined;
  }
  if (claim.email.isAbandoned) {
    metrics.countUncertain();
    logger.warn(
      { emailSendId, attempt: claim.email.attempts },
      'taken over from a worker that was not heard of again; it may have gone out',
    );
  }
  return claim.email;
}

/** What to write down, and what its job hears: nothing (done), or an error that says whether and when to try again. */
interface Conclusion {
  readonly outcome: Outcome;
  readonly jobError?: Error;
}

/** To another worker, at once. */
const handBack = (email: ClaimedEmail): Conclusion => ({
  outcome: { email, result: 'released', attempt: undefined },
  jobError: new DeferJob('this worker stops', 0),
});

/**
 * What a failure means for an email. The row has the whole reason; the queue and the log have it without the
 * addresses that servers like to repeat. `isCut`: this worker stops, which is not the email's doing.
 */
export function judge(
  email: ClaimedEmail,
  error: unknown,
  { retryUncertain, isCut, nowMs = Date.now() }: { retryUncertain: boolean; isCut: boolean; nowMs?: number },
): Conclusion {
  const reason = reasonOf(error);
  const maskedReason = maskedReasonOf(error);
  const provider = error instanceof ProviderError ? error.provider : undefined;
  const end = (result: 'failed' | 'uncertain', attempt: Outcome['attempt']): Conclusion => ({
    outcome: { email, result, attempt, provider, error: reason },
    jobError: new GiveUpJob(maskedReason),
  });
  const again = (attempt: 'refused' | 'uncertain', jobError: Error): Conclusion => ({
    outcome: { email, result: 'retry', attempt, provider, error: reason },
    jobError,
  });
  const retryAfterMs = retryAfter(error);
  // Deferred: a job's own backoff, 2 s and 4 s, is shorter than what the provider asked for.
  const later = retryAfterMs > 0 ? new DeferJob(maskedReason, retryAfterMs) : new Error(maskedReason);
  const isLastAttempt = email.attempts >= email.maxAttempts;

  switch (failureOf(error)) {
    case 'rejected':
      return end('failed', 'rejected');
    case 'refused':
      return isLastAttempt ? end('failed', 'refused') : again('refused', later);
    case 'uncertain': {
      if (!retryUncertain) return end('uncertain', 'uncertain');
      // That we stop is not the email's failure.
      if (isCut) return again('uncertain', new DeferJob(maskedReason, 0));
      return isLastAttempt ? end('uncertain', 'uncertain') : again('uncertain', later);
    }
    case 'unavailable': {
      if (isCut) return handBack(email);
      const dueForMs = nowMs - email.dueAt.getTime();
      if (dueForMs >= GIVE_UP_AFTER_MS) return end('failed', 'refused');
      const pauseMs = Math.min(MAX_PROVIDER_PAUSE_MS, Math.max(MIN_PROVIDER_PAUSE_MS, dueForMs / 4));
      return {
        outcome: { email, result: 'released', attempt: undefined, provider, error: reason },
        jobError: new DeferJob(maskedReason, Math.max(pauseMs, retryAfterMs)),
      };
    }
  }
}

/** Whatever is neither the template nor the provider (Postgres, say) is nobody's fault here either. */
function failureOf(error: unknown): ProviderError['failure'] {
  if (error instanceof ProviderError) return error.failure;
  return error instanceof TemplateError ? 'rejected' : 'unavailable';
}

function retryAfter(error: unknown): number {
  const seconds = error instanceof ProviderError ? (error.retryAfterSeconds ?? 0) : 0;
  return Math.min(Math.max(seconds, 0) * 1000, MAX_RETRY_AFTER_MS);
}

const NO_PROVIDER = 'none';

function count(metrics: WorkerMetrics, { result, attempt, provider = NO_PROVIDER }: Outcome): void {
  metrics.countSend(provider, result === 'retry' ? 'retried' : result === 'released' ? 'deferred' : result);
  if (result === 'failed') metrics.countDeadLetter();
  if (attempt === 'uncertain') metrics.countUncertain();
}

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** For the queue and the log. Drizzle's own message is the statement with its values; Postgres' is its cause. */
function maskedReasonOf(error: unknown): string {
  const cause = error instanceof DrizzleQueryError ? error.cause : error;
  return reasonOf(cause).replace(ADDRESS, '[address]');
}
