/** For tests: requests as no well-behaved client sends them, which `fetch` would mend or refuse. */
import { Agent, request } from 'node:http';

export interface RawRequest {
  readonly method: string;
  /** As it stands in the request line. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | string | undefined;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Sends one request, and reads all of its answer; rejects when that takes longer than the limit. */
export function createSender(baseUrl: string, limitSeconds: number) {
  const { hostname, port } = new URL(baseUrl);
  const agent = new Agent({ keepAlive: true });
  const send = (wanted: RawRequest): Promise<RawAnswer> =>
    new Promise((resolve, reject) => {
      const { method, path, body } = wanted;
      // Node sends none with the body of a GET or DELETE, and the next request would begin in the middle of it.
      const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
      const headers = { ...length, ...wanted.headers };
      const signal = AbortSignal.timeout(limitSeconds * 1000);
      const sent = request({ hostname, port, agent, method, path, headers, signal }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString(),
          }),
        );
      });
      sent.once('error', reject);
      sent.end(body);
    });
  return { send, close: () => agent.destroy() };
}
