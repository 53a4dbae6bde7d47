import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createQueueMetrics } from './metrics.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

it('a figure is shown once it was looked at, and no longer when nobody could look for a minute', async () => {
  const registry = new Registry();
  const metrics = createQueueMetrics(registry);
  const shown = async () =>
    (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  expect(await shown()).toEqual([]);
  metrics.setDepth(7);
  metrics.setPaused(false);
  metrics.setJobs({ waiting: 5, active: 2, delayed: 0, failed: 0, completed: 9 });
  const samples = [
    'sv_queue_depth 7',
    'sv_queue_paused 0',
    'bullmq_job_count{queue="emails",state="waiting"} 5',
    'bullmq_job_count{queue="emails",state="active"} 2',
    'bullmq_job_count{queue="emails",state="delayed"} 0',
    'bullmq_job_count{queue="emails",state="failed"} 0',
    'bullmq_job_count{queue="emails",state="completed"} 9',
  ];
  vi.advanceTimersByTime(59_000);
  expect(await shown()).toEqual(samples);
  vi.advanceTimersByTime(2000);
  expect(await shown()).toEqual([]);
  metrics.setDepth(8);
  expect(await shown()).toEqual(['sv_queue_depth 8']);
});
