/** The units of the panels: Grafana's own names of them say little. */
import {
  BytesIEC,
  BytesPerSecondIEC,
  CountsPerSecond,
  OpsPerSecond,
  PercentUnit,
  RequestsPerSecond,
  Seconds,
  Short,
} from '@grafana/grafana-foundation-sdk/units';

export const BYTES = BytesIEC;
export const BYTES_PER_SECOND = BytesPerSecondIEC;
export const COUNT = Short;
export const COUNT_PER_SECOND = CountsPerSecond;
export const OPERATIONS_PER_SECOND = OpsPerSecond;
/** 1 is 100 %. */
export const RATIO = PercentUnit;
export const REQUESTS_PER_SECOND = RequestsPerSecond;
export const SECONDS = Seconds;

export type Unit =
  | typeof BYTES
  | typeof BYTES_PER_SECOND
  | typeof COUNT
  | typeof COUNT_PER_SECOND
  | typeof OPERATIONS_PER_SECOND
  | typeof RATIO
  | typeof REQUESTS_PER_SECOND
  | typeof SECONDS;
