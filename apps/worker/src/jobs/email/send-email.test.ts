import { TemplateError } from '@sv-sdk/email';
import { DeferJob, GiveUpJob } from '@sv-sdk/queue';
import { describe, expect, it } from 'vitest';
import { ProviderError, type ProviderFailure } from '../../providers/provider.ts';
import type { ClaimedEmail } from './claim.ts';
import { judge } from './send-email.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const email = (attempts: number, dueForMs = 0): ClaimedEmail => ({
  id: '019b0000-0000-7000-8000-000000000001',
  recipient: 'ada@example.org',
  template: 'notification',
  locale: 'en',
  templateId: null,
  kind: 'transactional',
  variables: {},
  attempts,
  maxAttempts: 3,
  claimedAt: '2026-01-01 00:00:00+00',
  dueAt: new Date(NOW_MS - dueForMs),
  isAbandoned: false,
  unsubscribeToken: null,
  hasAttachments: false,
});
const error = (failure: ProviderFailure, retryAfterSeconds?: number) =>
  new ProviderError(failure, 'said <ada@example.org>', { retryAfterSeconds });
const verdict = (
  failure: ProviderFailure,
  options: {
    attempts?: number;
    dueForMs?: number;
    retryAfterSeconds?: number;
    isCut?: boolean;
    retryUncertain?: boolean;
  } = {},
) => {
  const { isCut = false, retryUncertain = true } = options;
  const { outcome, jobError } = judge(
    email(options.attempts ?? 1, options.dueForMs),
    error(failure, options.retryAfterSeconds),
    { isCut, retryUncertain, nowMs: NOW_MS },
  );
  return { result: outcome.result, attempt: outcome.attempt, jobError };
};
const deferral = (jobError: Error | undefined) =>
  jobError instanceof DeferJob ? jobError.delayMs : jobError?.name;

describe('what a failure means for an email', () => {
  it.each([
    ['rejected', 1, { result: 'failed', attempt: 'rejected' }, 'GiveUpJob'],
    ['refused', 1, { result: 'retry', attempt: 'refused' }, 'Error'],
    ['refused', 2, { result: 'retry', attempt: 'refused' }, 'Error'],
    ['refused', 3, { result: 'failed', attempt: 'refused' }, 'GiveUpJob'],
    ['uncertain', 2, { result: 'retry', attempt: 'uncertain' }, 'Error'],
    ['uncertain', 3, { result: 'uncertain', attempt: 'uncertain' }, 'GiveUpJob'],
    ['unavailable', 3, { result: 'released', attempt: undefined }, 5000],
  ] as const)('%s at attempt %i', (failure, attempts, outcome, job) => {
    const judged = verdict(failure, { attempts });
    expect(judged).toMatchObject(outcome);
    expect(deferral(judged.jobError)).toBe(job);
  });

  it('never repeats what may have gone out when the setting says so', () => {
    expect(verdict('uncertain', { retryUncertain: false })).toMatchObject({ result: 'uncertain' });
    expect(verdict('uncertain', { retryUncertain: false, isCut: true })).toMatchObject({
      result: 'uncertain',
    });
  });

  it('waits as long as the provider asks for, within an hour', () => {
    expect(deferral(verdict('refused', { retryAfterSeconds: 30 }).jobError)).toBe(30_000);
    expect(deferral(verdict('unavailable', { retryAfterSeconds: 30 }).jobError)).toBe(30_000);
    expect(deferral(verdict('unavailable', { retryAfterSeconds: 1 }).jobError)).toBe(5000);
    expect(deferral(verdict('unavailable', { retryAfterSeconds: 1e9 }).jobError)).toBe(HOUR_MS);
  });

  it('asks a provider that is away less often the longer it lasts, and gives up after a day', () => {
    expect(deferral(verdict('unavailable', { dueForMs: 2 * MINUTE_MS }).jobError)).toBe(30_000);
    expect(deferral(verdict('unavailable', { dueForMs: HOUR_MS }).jobError)).toBe(MINUTE_MS);
    expect(verdict('unavailable', { dueForMs: 24 * HOUR_MS })).toMatchObject({ result: 'failed' });
  });

  it('does not hold our own end against the email: another worker has it at once', () => {
    const cut = verdict('uncertain', { attempts: 3, isCut: true });
    expect(cut).toMatchObject({ result: 'retry', attempt: 'uncertain' });
    expect(deferral(cut.jobError)).toBe(0);
    const waiting = verdict('unavailable', { dueForMs: 30 * HOUR_MS, isCut: true });
    expect(waiting).toMatchObject({ result: 'released', attempt: undefined });
    expect(deferral(waiting.jobError)).toBe(0);
  });

  it('fails what its template is at fault for, and blames the email for nothing else', () => {
    const about = (cause: unknown) =>
      judge(email(1), cause, { isCut: false, retryUncertain: true, nowMs: NOW_MS }).outcome.result;
    expect(about(new TemplateError('wrong'))).toBe('failed');
    expect(about(new Error('Postgres is away'))).toBe('released');
  });

  it('tells the row everything, and the queue no address', () => {
    const { outcome, jobError } = judge(email(1), error('rejected'), { isCut: false, retryUncertain: true });
    expect(outcome.error).toBe('said <ada@example.org>');
    expect(jobError).toBeInstanceOf(GiveUpJob);
    expect(jobError?.message).toBe('said <[address]>');
  });
});
