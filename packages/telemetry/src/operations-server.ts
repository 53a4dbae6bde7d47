import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';

export interface OperationsServer {
  /** The port that was bound; of use when 0 was asked for. */
  readonly port: number;
  close(): Promise<void>;
}

/**
 * `/metrics`, `/health/live` and `/health/ready` on a port of their own, which nginx doesn't know: that is
 * how metrics can never be reached from outside. `isReady` answers without I/O.
 */
export async function startOperationsServer(options: {
  port: number;
  /** What `/health/live` says that it runs. */
  version: string;
  registry: Registry;
  isReady: () => boolean;
}): Promise<OperationsServer> {
  const server = createServer((request, response) => {
    const respond = (status: number, type: string, body: string) =>
      response.writeHead(status, { 'content-type': type }).end(body);
    switch (request.url) {
      case '/metrics':
        options.registry.metrics().then(
          (text) => respond(200, options.registry.contentType, text),
          (error: unknown) => respond(500, 'text/plain', String(error)),
        );
        break;
      case '/health/live':
        respond(
          200,
          'application/json',
          JSON.stringify({ alive: true, timestamp: new Date().toISOString(), version: options.version }),
        );
        break;
      case '/health/ready': {
        const ready = options.isReady();
        respond(
          ready ? 200 : 503,
          'application/json',
          JSON.stringify({ ready, timestamp: new Date().toISOString() }),
        );
        break;
      }
      default:
        respond(404, 'text/plain', 'not found\n');
    }
  });
  server.listen(options.port);
  await once(server, 'listening');
  return { port: boundPort(server), close: () => closeServer(server) };
}

function boundPort(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new Error('the operations server is bound to no port');
  return address.port;
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
