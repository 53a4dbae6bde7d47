/** A request as nginx logs it for us (log_format `figures`, infra/nginx/nginx.conf.template). */
export interface LoggedRequest {
  readonly status: number;
  /** Every instance that was asked, in order: more than one where the first did not answer. */
  readonly attempts: readonly Attempt[];
}

export interface Attempt {
  /** `address:port`, or NO_UPSTREAM where there was none to be asked. */
  readonly upstream: string;
  /** Undefined: the caller went away before it answered. */
  readonly status: number | undefined;
  readonly seconds: number | undefined;
}

export const NO_UPSTREAM = 'none';

const ADDRESS = /^\d{1,3}(?:\.\d{1,3}){3}:\d{1,5}$/;
/** nginx' own: between instances, and between one way of asking them and the next (`error_page`). */
const SEPARATOR = /, | : /;

/**
 * `<190>Nov 26 20:00:00 nginx: 200|10.0.0.1:3000, 10.0.0.2:3000|502, 200|0.001, 0.012`, which is a message of syslog.
 * Undefined: it is none of ours.
 */
export function readRequest(message: string): LoggedRequest | undefined {
  const start = message.indexOf(': ');
  const [status = '', addresses = '', statuses = '', seconds = '', ...more] = message
    .slice(start + 2)
    .split('|');
  if (start < 0 || more.length > 0 || !/^\d{3}$/.test(status) || seconds === '') return undefined;
  if (addresses === '-') return { status: Number(status), attempts: [] };
  const statusOf = statuses.split(SEPARATOR);
  const secondsOf = seconds.split(SEPARATOR);
  const attempts = addresses.split(SEPARATOR).map((address, index) => ({
    // Where every instance is left alone, the group's name stands in its place.
    upstream: ADDRESS.test(address) ? address : NO_UPSTREAM,
    status: numberOf(statusOf[index]),
    seconds: numberOf(secondsOf[index]),
  }));
  return { status: Number(status), attempts };
}

/** nginx writes a hyphen for what there isn't. */
function numberOf(text = '-'): number | undefined {
  return /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined;
}
