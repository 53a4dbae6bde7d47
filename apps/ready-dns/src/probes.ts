import { request } from 'node:http';

/**
 * From connect to status line. Under the period of the probes (1 s), so that one hanging instance does not
 * slow the rounds of the others; far above a healthy answer (a few ms), so that a busy one passes.
 */
export const PROBE_TIMEOUT_MS = 800;

/** Whether the instance at this address says that it is ready. Never throws: a failure is an answer. */
export type Probe = (address: string) => Promise<boolean>;

/**
 * `GET /health/ready` on an instance; only 200 is ready. Each probe makes its own connection, as a new
 * connection is what nginx is about to ask for: a process that no longer accepts must not pass on an old one,
 * and one that drains answers with `Connection: close`.
 */
export function createProbe(options: { port: number; timeoutMs?: number }): Probe {
  const { port, timeoutMs = PROBE_TIMEOUT_MS } = options;
  return (address) =>
    new Promise((resolve) => {
      const probe = request({
        host: address,
        port,
        path: '/health/ready',
        agent: false,
        signal: AbortSignal.timeout(timeoutMs),
        headers: { 'user-agent': 'ready-dns' },
      });
      probe.on('response', (response) => {
        resolve(response.statusCode === 200);
        // The status is all that counts; the body is read off, in the same time limit, so that the app sees
        // a client that ends properly.
        response.on('error', () => resolve(false));
        response.resume();
      });
      probe.on('error', () => resolve(false));
      probe.end();
    });
}
