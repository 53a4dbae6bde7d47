/**
 * The scaling guide's auto-scaling rules as this stack measures them, with the settings' thresholds. The autoscaler acts
 * by them, and `sdk advise` tells what they say.
 */
import type { Config, SettingName } from '@sv-sdk/config';
import type { Limit } from './window.ts';

export type ServiceName = 'app' | 'worker';

/** A series that a recording rule of infra/prometheus/rules makes every 10 s. */
export interface Figure {
  readonly name: 'cpu' | 'response' | 'depth' | 'wait' | 'busy';
  readonly series: string;
  /** Twice the instances would halve it: so it tells how many are due. Waiting does not shrink in proportion. */
  readonly isShared: boolean;
  readonly unit: 'ratio' | 'seconds' | 'emails';
  readonly label: string;
}

/** Averages and percentiles of a minute: a minute after a change they speak of what there is now. */
export const figures = {
  cpu: {
    name: 'cpu',
    series: 'job:process_cpu_seconds:avg_rate1m{job="app"}',
    isShared: true,
    unit: 'ratio',
    label: 'CPU of the apps, average',
  },
  response: {
    name: 'response',
    series: 'job:sv_http_request_duration_seconds:p95_1m_judged{job="app"}',
    isShared: false,
    unit: 'seconds',
    label: 'response time, p95',
  },
  depth: {
    name: 'depth',
    series: 'job:sv_queue_depth_per_worker:ratio{job="worker"}',
    isShared: true,
    unit: 'emails',
    label: 'queue depth for each worker',
  },
  wait: {
    name: 'wait',
    series: 'job:sv_queue_wait_seconds:p95_1m_judged{job="worker"}',
    isShared: false,
    unit: 'seconds',
    label: 'wait for a worker, p95',
  },
  /** Emails in work for each worker, on average over a minute. */
  busy: {
    name: 'busy',
    series: 'job:sv_queue_in_work_per_worker:avg_rate1m{job="worker"}',
    isShared: true,
    unit: 'emails',
    label: 'emails in work for each worker',
  },
} as const satisfies Record<string, Figure>;

export interface Condition extends Limit {
  readonly figure: Figure;
}

export interface ServiceRules {
  readonly service: ServiceName;
  readonly min: number;
  readonly max: number;
  /** Any of them, for `upSeconds`, calls for more. */
  readonly up: readonly Condition[];
  readonly upSeconds: number;
  /** All of them, for `downSeconds`, allow one fewer. */
  readonly down: readonly Condition[];
  readonly downSeconds: number;
  /** Those that one fewer would have to share must stay below this, or the next step would be up again. */
  readonly shareable: readonly Condition[];
  /** So many at a time at the most; down it is always one. */
  readonly upStep: number;
  /** After any change. */
  readonly upCooldownSeconds: number;
  readonly downCooldownSeconds: number;
}

export const RULE_SETTINGS = [
  'AUTOSCALE_APP_MIN',
  'AUTOSCALE_APP_MAX',
  'AUTOSCALE_APP_CPU_UP_PERCENT',
  'AUTOSCALE_APP_CPU_DOWN_PERCENT',
  'AUTOSCALE_APP_RESPONSE_UP_MS',
  'AUTOSCALE_APP_RESPONSE_DOWN_MS',
  'AUTOSCALE_APP_UP_SECONDS',
  'AUTOSCALE_APP_DOWN_SECONDS',
  'AUTOSCALE_APP_UP_STEP',
  'AUTOSCALE_APP_UP_COOLDOWN_SECONDS',
  'AUTOSCALE_APP_DOWN_COOLDOWN_SECONDS',
  'AUTOSCALE_WORKER_MIN',
  'AUTOSCALE_WORKER_MAX',
  'AUTOSCALE_WORKER_DEPTH_UP',
  'AUTOSCALE_WORKER_DEPTH_DOWN',
  'AUTOSCALE_WORKER_WAIT_UP_SECONDS',
  'AUTOSCALE_WORKER_BUSY_MAX_PERCENT',
  'AUTOSCALE_WORKER_UP_SECONDS',
  'AUTOSCALE_WORKER_DOWN_SECONDS',
  'AUTOSCALE_WORKER_UP_STEP',
  'AUTOSCALE_WORKER_UP_COOLDOWN_SECONDS',
  'AUTOSCALE_WORKER_DOWN_COOLDOWN_SECONDS',
  'EMAIL_CONCURRENCY',
] as const satisfies readonly SettingName[];
export type RuleSettings = Config<(typeof RULE_SETTINGS)[number]>;

/** The rules of each service, in the order in which they share what the host has. */
export function rulesFrom(config: RuleSettings): readonly ServiceRules[] {
  return [appRules(config), workerRules(config)];
}

function appRules(config: RuleSettings): ServiceRules {
  const cpuUp = config.AUTOSCALE_APP_CPU_UP_PERCENT / 100;
  return {
    service: 'app',
    min: config.AUTOSCALE_APP_MIN,
    max: config.AUTOSCALE_APP_MAX,
    up: [
      { figure: figures.cpu, is: 'above', threshold: cpuUp },
      { figure: figures.response, is: 'above', threshold: config.AUTOSCALE_APP_RESPONSE_UP_MS / 1000 },
    ],
    upSeconds: config.AUTOSCALE_APP_UP_SECONDS,
    down: [
      { figure: figures.cpu, is: 'below', threshold: config.AUTOSCALE_APP_CPU_DOWN_PERCENT / 100 },
      { figure: figures.response, is: 'below', threshold: config.AUTOSCALE_APP_RESPONSE_DOWN_MS / 1000 },
    ],
    downSeconds: config.AUTOSCALE_APP_DOWN_SECONDS,
    shareable: [{ figure: figures.cpu, is: 'below', threshold: cpuUp }],
    upStep: config.AUTOSCALE_APP_UP_STEP,
    upCooldownSeconds: config.AUTOSCALE_APP_UP_COOLDOWN_SECONDS,
    downCooldownSeconds: config.AUTOSCALE_APP_DOWN_COOLDOWN_SECONDS,
  };
}

function workerRules(config: RuleSettings): ServiceRules {
  const depthUp = config.AUTOSCALE_WORKER_DEPTH_UP;
  return {
    service: 'worker',
    min: config.AUTOSCALE_WORKER_MIN,
    max: config.AUTOSCALE_WORKER_MAX,
    up: [
      { figure: figures.depth, is: 'above', threshold: depthUp },
      { figure: figures.wait, is: 'above', threshold: config.AUTOSCALE_WORKER_WAIT_UP_SECONDS },
    ],
    upSeconds: config.AUTOSCALE_WORKER_UP_SECONDS,
    down: [{ figure: figures.depth, is: 'below', threshold: config.AUTOSCALE_WORKER_DEPTH_DOWN }],
    downSeconds: config.AUTOSCALE_WORKER_DOWN_SECONDS,
    shareable: [
      { figure: figures.depth, is: 'below', threshold: depthUp },
      {
        figure: figures.busy,
        is: 'below',
        threshold: (config.EMAIL_CONCURRENCY * config.AUTOSCALE_WORKER_BUSY_MAX_PERCENT) / 100,
      },
    ],
    upStep: config.AUTOSCALE_WORKER_UP_STEP,
    upCooldownSeconds: config.AUTOSCALE_WORKER_UP_COOLDOWN_SECONDS,
    downCooldownSeconds: config.AUTOSCALE_WORKER_DOWN_COOLDOWN_SECONDS,
  };
}

/** Every series that a service's rules look at, with how far back. */
export function figuresOf(rules: ServiceRules): readonly { figure: Figure; seconds: number }[] {
  const seconds = Math.max(rules.upSeconds, rules.downSeconds);
  const used = [...rules.up, ...rules.down, ...rules.shareable].map(({ figure }) => figure);
  return [...new Set(used)].map((figure) => ({ figure, seconds }));
}
