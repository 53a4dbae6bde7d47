import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server as TcpServer, type Socket as TcpSocket } from 'node:net';
import type { Logger } from '@sv-sdk/telemetry';
import type { Respond } from './protocol.ts';

/** A query holds one name of 255 bytes at most; more is no query of ours. */
const MAX_QUERY_BYTES = 1024;
const LENGTH_BYTES = 2;
/** nginx keeps its connection and asks every second; who is silent for longer has gone. */
const TCP_IDLE_MS = 10_000;
const MAX_TCP_CONNECTIONS = 64;

export interface DnsServer {
  /** The port that was bound; of use when 0 was asked for. */
  readonly port: number;
  close(): Promise<void>;
}

/** Serves `respond` by UDP and by TCP on the same port. */
export async function startDnsServer(options: {
  port: number;
  host?: string;
  respond: Respond;
  logger: Logger;
}): Promise<DnsServer> {
  const { host = '0.0.0.0', respond, logger } = options;
  const connections = new Set<TcpSocket>();
  const tcp = createServer((connection) => {
    connections.add(connection);
    connection.on('close', () => connections.delete(connection));
    serveConnection(connection, respond, logger);
  });
  tcp.maxConnections = MAX_TCP_CONNECTIONS;
  tcp.listen(options.port, host);
  await once(tcp, 'listening');
  const port = boundPort(tcp);

  const udp = createSocket('udp4');
  serveDatagrams(udp, respond, logger);
  udp.bind(port, host);
  await once(udp, 'listening');
  udp.on('error', (error) => logger.error({ err: error }, 'udp socket'));

  return {
    port,
    async close() {
      const closed = [once(udp, 'close'), once(tcp, 'close')];
      udp.close();
      tcp.close();
      for (const connection of connections) connection.destroy();
      await Promise.all(closed);
    },
  };
}

function serveDatagrams(socket: UdpSocket, respond: Respond, logger: Logger): void {
  socket.on('message', (query, client) => {
    const response = respond(query, 'udp');
    if (response === undefined) return;
    socket.send(response, client.port, client.address, (error) => {
      // The asker asks again; a port of 0 or a client that went away is nothing to stop for.
      if (error) logger.debug({ err: error }, 'answer not sent');
    });
  });
}

/** RFC 1035, 4.2.2: each message has its length in two bytes before it, and many may follow each other. */
function serveConnection(connection: TcpSocket, respond: Respond, logger: Logger): void {
  let pending = Buffer.alloc(0);
  connection.setTimeout(TCP_IDLE_MS, () => connection.destroy());
  connection.on('error', (error) => logger.debug({ err: error }, 'tcp connection'));
  connection.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= LENGTH_BYTES) {
      const length = pending.readUInt16BE(0);
      if (length > MAX_QUERY_BYTES) {
        connection.destroy();
        return;
      }
      if (pending.length < LENGTH_BYTES + length) return;
      const response = respond(pending.subarray(LENGTH_BYTES, LENGTH_BYTES + length), 'tcp');
      pending = pending.subarray(LENGTH_BYTES + length);
      if (response === undefined) {
        connection.destroy();
        return;
      }
      const prefix = Buffer.alloc(LENGTH_BYTES);
      prefix.writeUInt16BE(response.length);
      connection.write(Buffer.concat([prefix, response]));
    }
  });
}

function boundPort(server: TcpServer): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the DNS server is bound to no port');
  return address.port;
}
