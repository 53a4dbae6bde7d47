/** The scaling guide's target metrics, drawn as lines; the benchmark's knee is by the first. No alert has these figures. */
export interface Target {
  readonly value: number;
  /** Where the measured figure should be. */
  readonly is: 'below' | 'above';
  readonly colour: string;
}

const to = (is: Target['is'], value: number): Target => ({ is, value, colour: 'purple' });

export const API_LATENCY_P95_SECONDS = to('below', 0.1);
export const DATABASE_QUERY_P95_SECONDS = to('below', 0.05);
export const PERMISSION_CHECK_SECONDS = to('below', 0.005);
export const EMAILS_PER_SECOND = to('above', 100);
