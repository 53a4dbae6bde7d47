import { once } from 'node:events';
import { connect } from 'node:tls';
import type { Logger } from '@sv-sdk/telemetry';

const LOOK_EVERY_MS = 60_000;
const ANSWER_WITHIN_MS = 5_000;

export interface CertificateWatch {
  close(): void;
}

/**
 * Looks once a minute which certificate is served at `address` for `serverName`, and tells when it ends: what browsers see,
 * which a file on a disk may be ahead of. While nobody answers, what was seen last holds.
 */
export function watchCertificate(options: {
  address: string;
  serverName: string;
  logger: Logger;
  onEnd: (endsAt: Date) => void;
  lookEveryMs?: number;
}): CertificateWatch {
  const { address, serverName, logger, onEnd } = options;
  let isClosed = false;
  const look = async () => {
    try {
      const endsAt = await endOfCertificate(address, serverName);
      if (!isClosed) onEnd(endsAt);
    } catch (error) {
      logger.warn({ err: error, address }, 'no certificate is served');
    }
  };
  void look();
  const timer = setInterval(look, options.lookEveryMs ?? LOOK_EVERY_MS);
  return {
    close() {
      isClosed = true;
      clearInterval(timer);
    },
  };
}

async function endOfCertificate(address: string, serverName: string): Promise<Date> {
  const [host = '', port] = address.split(':');
  // Whoever has signed it: before the first it is nginx itself.
  const socket = connect({ host, port: Number(port), servername: serverName, rejectUnauthorized: false });
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    return new Date(socket.getPeerCertificate().valid_to);
  } finally {
    socket.destroy();
  }
}
