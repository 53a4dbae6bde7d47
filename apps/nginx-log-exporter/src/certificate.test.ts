import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:tls';
import { createLogger } from '@sv-sdk/telemetry';
import { expect, onTestFinished, test } from 'vitest';
import { type Issued, issue } from '../../../test/harness/certificates.ts';
import { watchCertificate } from './certificate.ts';

const DAY_MS = 86_400_000;
const NAME = 'api.sv.test';
const logger = createLogger({ service: 'test', version: 'test', level: 'fatal' });

const issued = (days: number) => issue({ name: NAME, endsInMs: days * DAY_MS });
const context = ({ pem, keyPem }: Issued) => ({ cert: pem, key: keyPem });

async function serve(certificate: Issued): Promise<Server> {
  const server = createServer(context(certificate));
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
  });
  return server;
}

function watch(server: Server): { readonly ends: Date[] } {
  const ends: Date[] = [];
  const { port } = server.address() as AddressInfo;
  const watching = watchCertificate({
    address: `127.0.0.1:${port}`,
    serverName: NAME,
    logger,
    onEnd: (endsAt) => ends.push(endsAt),
    lookEveryMs: 50,
  });
  onTestFinished(() => watching.close());
  return { ends };
}

test('the end of what is served is told, whoever has signed it, and of what follows it', async () => {
  const [first, second] = [await issued(1), await issued(90)];
  const server = await serve(first);
  const { ends } = watch(server);
  await expect.poll(() => ends.at(-1)).toEqual(new Date(first.certificate.validTo));
  server.setSecureContext(context(second));
  await expect.poll(() => ends.at(-1)).toEqual(new Date(second.certificate.validTo));
});

test('a server that is away for a while is looked at again', async () => {
  const certificate = await issued(1);
  const server = await serve(certificate);
  const { port } = server.address() as AddressInfo;
  const { ends } = watch(server);
  await expect.poll(() => ends.length).toBeGreaterThan(0);
  server.close();
  await once(server, 'close');
  const before = ends.length;
  server.listen(port, '127.0.0.1');
  await expect.poll(() => ends.length).toBeGreaterThan(before + 1);
});
