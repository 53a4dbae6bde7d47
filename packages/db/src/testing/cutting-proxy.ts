import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy that can cut a connection at the very moment when a client sends something. */
export interface CuttingProxy {
  readonly port: number;
  /** From now on (until false), whatever a client sends is thrown away and its connection cut. */
  cutOnSend(isCutting: boolean): void;
  /** From now on (until false), whatever the server answers is thrown away and its connection cut. */
  cutOnAnswer(isCutting: boolean): void;
  close(): Promise<void>;
}

/** In front of a real server: the only way to lose a connection between two given statements, every time. */
export async function startCuttingProxy(target: { host: string; port: number }): Promise<CuttingProxy> {
  let isCutting = false;
  let isCuttingAnswers = false;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target.port, target.host);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      // Cut connections end in an error on one side or the other; that is the point of it.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (data) => {
      if (isCutting) client.destroy();
      else upstream.write(data);
    });
    upstream.on('data', (data) => {
      if (isCuttingAnswers) client.destroy();
      else client.write(data);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy is bound to no port');
  return {
    port: address.port,
    cutOnSend(wanted) {
      isCutting = wanted;
    },
    cutOnAnswer(wanted) {
      isCuttingAnswers = wanted;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
