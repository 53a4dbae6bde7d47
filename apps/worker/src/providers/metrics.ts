import { DURATION_BUCKETS_SECONDS } from '@sv-sdk/telemetry';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ProviderFailure } from './provider.ts';

const BUCKETS_SECONDS = [...DURATION_BUCKETS_SECONDS, 30, 60];

export interface ProviderMetrics {
  setCircuitOpen(provider: string, isOpen: boolean): void;
  observeWait(provider: string, seconds: number): void;
  observeAnswer(provider: string, seconds: number): void;
  countFailure(provider: string, failure: ProviderFailure | 'throttled'): void;
}

export function createProviderMetrics(registry: Registry): ProviderMetrics {
  const registers = [registry];
  const circuitOpen = new Gauge({
    name: 'sv_email_provider_circuit_open',
    help: '1 while this worker keeps emails away from a provider that failed over and over.',
    labelNames: ['provider'],
    registers,
  });
  const wait = new Histogram({
    name: 'sv_email_provider_wait_seconds',
    help: 'How long an email waited for its turn at a provider: concurrency, rate, throttle.',
    labelNames: ['provider'],
    buckets: BUCKETS_SECONDS,
    registers,
  });
  const answer = new Histogram({
    name: 'sv_email_provider_answer_seconds',
    help: "From handing an email to a provider to the provider's answer.",
    labelNames: ['provider'],
    buckets: BUCKETS_SECONDS,
    registers,
  });
  const failures = new Counter({
    name: 'sv_email_provider_failures_total',
    help: 'Emails that a provider did not accept, by what that means.',
    labelNames: ['provider', 'failure'],
    registers,
  });
  return {
    setCircuitOpen: (provider, isOpen) => circuitOpen.set({ provider }, isOpen ? 1 : 0),
    observeWait: (provider, seconds) => wait.observe({ provider }, seconds),
    observeAnswer: (provider, seconds) => answer.observe({ provider }, seconds),
    countFailure: (provider, failure) => failures.inc({ provider, failure }),
  };
}
