/**
 * A closed loop: so many connections, each with the next request once the last answer is there. For throughput; its
 * latency flatters, as nobody asks while the server stalls (open.ts). autocannon, because the generator shares the cores
 * with what it measures, and writing a prepared buffer is about the least that a client can do.
 */
import autocannon from 'autocannon';
import { type Ask, createRecorder, type Run } from './run.ts';

const TIMEOUT_SECONDS = 10;

export async function runClosed(ask: Ask, options: { connections: number; seconds: number }): Promise<Run> {
  const recorder = createRecorder();
  const settings: autocannon.Options = {
    url: ask.url,
    method: ask.method ?? 'GET',
    headers: ask.headers ?? {},
    ...(ask.body !== undefined && { body: ask.body }),
    connections: options.connections,
    duration: options.seconds,
    timeout: TIMEOUT_SECONDS,
    // The type is that of a request's body; an answer's is a text.
    verifyBody: (body) => ask.isExpected(String(body)),
  };
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const running = autocannon(settings, (error, ended) => (error ? reject(error) : resolve(ended)));
    // Its own histogram has whole milliseconds only.
    running.on('response', (_client, _status, _bytes, responseMs) => recorder.record(responseMs));
  });
  const faults = {
    'without an answer': result.errors + result.timeouts,
    'not 2xx': result.non2xx,
    'of another content': result.mismatches,
  };
  const fault = Object.entries(faults)
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${count} ${what}`)
    .join(', ');
  return {
    perSecond: result['2xx'] / result.duration,
    latency: recorder.latency(),
    fault: result['2xx'] === 0 ? 'nothing was answered' : fault || undefined,
  };
}
