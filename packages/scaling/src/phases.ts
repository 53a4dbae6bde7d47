/** The scaling guide's roadmap: what a platform of so many users runs. */

export interface Phase {
  readonly number: 1 | 2 | 3 | 4;
  readonly name: string;
  /** Up to, but not including. */
  readonly users: number;
  readonly apps: { readonly from: number; readonly to: number };
  readonly workers: { readonly from: number; readonly to: number };
  readonly replicas: number;
}

export const phases: readonly [Phase, Phase, Phase, Phase] = [
  {
    number: 1,
    name: 'small',
    users: 1_000,
    apps: { from: 2, to: 2 },
    workers: { from: 2, to: 2 },
    replicas: 0,
  },
  {
    number: 2,
    name: 'medium',
    users: 10_000,
    apps: { from: 3, to: 5 },
    workers: { from: 3, to: 5 },
    replicas: 0,
  },
  {
    number: 3,
    name: 'large',
    users: 100_000,
    apps: { from: 5, to: 10 },
    workers: { from: 5, to: 10 },
    replicas: 2,
  },
  {
    number: 4,
    name: 'enterprise',
    users: Number.POSITIVE_INFINITY,
    apps: { from: 10, to: Number.POSITIVE_INFINITY },
    workers: { from: 20, to: Number.POSITIVE_INFINITY },
    replicas: 2,
  },
];

export function phaseOfUsers(users: number): Phase {
  return phases.find((phase) => users < phase.users) ?? phases[3];
}

/** The highest phase that all of it reaches: a platform is no larger than its smallest part. */
export function phaseOfWhatRuns(running: { apps: number; workers: number; replicas: number }): Phase {
  const reached = phases.filter(
    ({ apps, workers, replicas }) =>
      running.apps >= apps.from && running.workers >= workers.from && running.replicas >= replicas,
  );
  return reached.at(-1) ?? phases[0];
}
