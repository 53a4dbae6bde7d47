import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

/** Where in an SMTP session the server goes silent, or hangs up. */
export type Moment = 'greeting' | 'recipient' | 'half a message' | 'whole message';

export interface AbruptSmtpServer {
  readonly url: string;
  /** How often the moment has come. */
  readonly times: number;
  close(): Promise<void>;
}

const END_OF_MESSAGE = '\r\n.\r\n';

/** Speaks just enough of SMTP to get as far as the moment. A library's server can't misbehave like that. */
export async function startAbruptSmtpServer(options: {
  moment: Moment;
  behaviour: 'silent' | 'hangs up';
  onMoment?: () => void;
}): Promise<AbruptSmtpServer> {
  const sockets = new Set<Socket>();
  let times = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    const reached = (moment: Moment) => {
      if (moment !== options.moment) return false;
      times += 1;
      if (options.behaviour === 'hangs up') socket.destroy();
      options.onMoment?.();
      return true;
    };
    if (reached('greeting')) return;
    socket.write('220 ready\r\n');
    let input = '';
    let isMessage = false;
    socket.on('data', (chunk: Buffer) => {
      input += chunk.toString('latin1');
      if (isMessage) {
        if (input.length > 0 && reached('half a message')) return;
        if (!input.endsWith(END_OF_MESSAGE) || reached('whole message')) return;
        isMessage = false;
        input = '';
        socket.write('250 taken\r\n');
        return;
      }
      const lines = input.split('\r\n');
      input = lines.pop() ?? '';
      for (const line of lines) {
        if (line.startsWith('RCPT') && reached('recipient')) return;
        isMessage = line === 'DATA';
        socket.write(isMessage ? '354 go on\r\n' : '250 fine\r\n');
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server is bound to no port');
  return {
    url: `smtp://127.0.0.1:${address.port}`,
    get times() {
      return times;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
