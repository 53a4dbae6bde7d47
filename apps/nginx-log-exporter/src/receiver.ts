import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Logger } from '@sv-sdk/telemetry';

export interface Receiver {
  /** The port that was bound; of use when 0 was asked for. */
  readonly port: number;
  close(): Promise<void>;
}

/** Takes messages of syslog by UDP, one a datagram. What comes faster than it is taken is lost, and nginx waits for nothing. */
export async function startReceiver(options: {
  port: number;
  logger: Logger;
  onMessage: (message: string) => void;
}): Promise<Receiver> {
  const socket = createSocket('udp4');
  socket.on('message', (datagram) => options.onMessage(datagram.toString('latin1')));
  socket.bind(options.port);
  await once(socket, 'listening');
  socket.on('error', (error) => options.logger.error({ err: error }, 'udp socket'));
  return {
    port: socket.address().port,
    async close() {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}
