import { type DestinationStream, type Logger, pino } from 'pino';
import { describeError } from './describe-error.ts';
import { MASK, maskLine } from './mask-secrets.ts';

export type { Logger };

/** Fields that hold a secret, whatever it looks like; of the line, and of what stands in it. */
const SECRET_NAMES = ['password', 'token', 'secret', 'authorization', 'cookie', 'apiKey'];

/**
 * One JSON line per event, on stdout. What is a secret or an address is cut out here, by the name of its field and by its
 * form, as a last line of defence; the first is not to log it. By its form, because others write it into their errors: a
 * mail server says whom it doesn't know.
 */
export function createLogger(
  options: { service: string; version: string; level: string },
  destination?: DestinationStream,
): Logger {
  const settings = {
    level: options.level,
    base: { service: options.service, version: options.version },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeError },
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: SECRET_NAMES.flatMap((name) => [name, `*.${name}`]), censor: MASK },
    hooks: { streamWrite: maskLine },
  };
  return destination === undefined ? pino(settings) : pino(settings, destination);
}
