import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly atMs: number;
}

/** An answer, or what a server does instead: it never answers, or it hangs up. */
export type Answer =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: unknown }
  | 'hang'
  | 'hang up';

export interface ProviderServer {
  readonly url: string;
  /** What came in whole. */
  readonly received: readonly ReceivedRequest[];
  /** Most requests that were being answered at one time. */
  readonly mostAtOnce: number;
  answer: (request: ReceivedRequest) => Answer | Promise<Answer>;
  close(): Promise<void>;
}

/** A real HTTP server that answers as a test says. A body that is a text goes out as it is, everything else as JSON. */
export async function startProviderServer(): Promise<ProviderServer> {
  const received: ReceivedRequest[] = [];
  let atOnce = 0;
  let mostAtOnce = 0;
  const server = createServer((request, response) => {
    atOnce += 1;
    mostAtOnce = Math.max(mostAtOnce, atOnce);
    response.on('close', () => {
      atOnce -= 1;
    });
    serve(request, response).catch(() => request.socket.destroy());
  });
  async function serve(request: IncomingMessage, response: ServerResponse) {
    const whole = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: await text(request),
      atMs: performance.now(),
    };
    received.push(whole);
    const answer = await provider.answer(whole);
    if (answer === 'hang') return;
    if (answer === 'hang up') {
      request.socket.destroy();
      return;
    }
    const { status, headers = {}, body } = answer;
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' || body === undefined ? body : JSON.stringify(body));
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server is bound to no port');
  const provider: ProviderServer = {
    url: `http://127.0.0.1:${address.port}`,
    received,
    get mostAtOnce() {
      return mostAtOnce;
    },
    answer: () => ({ status: 500 }),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return provider;
}
