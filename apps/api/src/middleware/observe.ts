import { DURATION_BUCKETS_SECONDS, type Logger } from '@sv-sdk/telemetry';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { ApiError } from '../errors.ts';
import type { Middleware } from '../locals.ts';
import { sampleSuccesses } from './sample-successes.ts';

/** Routes that are asked every second by each prober: worth counting, not worth a line. */
const QUIET_ROUTES = new Set(['/health/live', '/health/ready', '/health/startup']);

/** What takes so long always has its line: the guide's trigger to scale, and from where on Postgres logs a statement. */
const SLOW_MS = 500;

/** Methods of routes. A client may send any of the three dozen that Node takes, and each would be series of its own. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/**
 * One observation per request, and one log line; of successes at a high rate a sample. Neither holds a body, a URL, a token
 * or an address: a query may have an email in it, and a pattern keeps the number of time series bounded.
 */
export function observe(options: {
  logger: Logger;
  registry: Registry;
  settings: { readonly logSuccessesPerSecond: number };
}): Middleware {
  const sample = sampleSuccesses(options.settings.logSuccessesPerSecond);
  const registers = [options.registry];
  const labelNames = ['method', 'route', 'status_class'] as const;
  const total = new Counter({
    name: 'sv_http_requests_total',
    help: 'HTTP requests answered.',
    labelNames,
    registers,
  });
  const duration = new Histogram({
    name: 'sv_http_request_duration_seconds',
    help: 'From the request line to the last byte of the answer.',
    labelNames,
    buckets: DURATION_BUCKETS_SECONDS,
    registers,
  });
  const inFlight = new Gauge({
    name: 'sv_http_requests_in_flight',
    help: 'HTTP requests being answered now.',
    registers,
  });

  return (request, response, next) => {
    const startMs = performance.now();
    inFlight.inc();
    response.once('close', () => {
      inFlight.dec();
      const durationMs = performance.now() - startMs;
      const { requestId, route = 'unmatched', userId, error } = response.locals;
      // The client went away before the answer was out: no status of ours reached it.
      const isAborted = !response.writableFinished;
      const statusClass = isAborted ? 'aborted' : `${Math.floor(response.statusCode / 100)}xx`;
      const method = METHODS.has(request.method) ? request.method : 'other';
      const labels = { method, route, status_class: statusClass };
      total.inc(labels);
      duration.observe(labels, durationMs / 1000);

      const line = {
        requestId,
        method,
        route,
        status: response.statusCode,
        durationMs: Math.round(durationMs * 10) / 10,
        ...(isAborted && { aborted: true }),
        ...(userId !== undefined && { userId }),
      };
      // A streamed answer that failed on its way has said 200.
      const hasFailed = response.statusCode >= 500 || (isAborted && response.statusCode < 400);
      // A refusal of our own choice (overload) has nothing behind it to be explained, and there are many of them.
      const isChosen = error instanceof ApiError && error.cause === undefined;
      if (hasFailed && error !== undefined && !isChosen) {
        options.logger.error({ ...line, err: error }, 'request failed');
        return;
      }
      if (QUIET_ROUTES.has(route)) {
        options.logger.debug(line, 'request');
        return;
      }
      const isSampled = response.statusCode < 400 && !isAborted && durationMs < SLOW_MS;
      const standsFor = isSampled ? sample() : 1;
      if (standsFor > 0) options.logger.info({ ...line, ...(standsFor > 1 && { standsFor }) }, 'request');
    });
    next();
  };
}
