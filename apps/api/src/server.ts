import { once } from 'node:events';
import { createServer, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Express } from 'express';
import { uuidv7 } from 'uuidv7';
import { errorEnvelope } from './envelope.ts';
import { ApiError } from './errors.ts';
import type { Readiness } from './readiness.ts';

export interface ApiServer {
  readonly port: number;
  /** Not ready at once; listens on while nginx finds out; then finishes what is in flight. */
  drain(waitSeconds: number): Promise<void>;
  close(): Promise<void>;
}

/** Above nginx' idle time of 60 s: else Node ends a connection just as nginx sends on it (node#59193). */
const KEEP_ALIVE_MS = 65_000;
const HEADERS_TIMEOUT_MS = 66_000;
/** A whole request, body included. Node wants it above the headers' time. */
const REQUEST_TIMEOUT_MS = 90_000;
const IDLE_SWEEP_MS = 100;

export async function startServer(
  app: Express,
  options: { port: number; version: string; readiness: Readiness },
): Promise<ApiServer> {
  const server = createServer(
    {
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
    },
    app,
  );
  const inFlight = trackResponses(server, options.readiness);
  server.on('clientError', (_error, socket) => answerBrokenRequest(socket, options.version));
  server.listen(options.port);
  await once(server, 'listening');
  return {
    port: portOf(server),
    drain: async (waitSeconds) => {
      options.readiness.startDraining();
      for (const response of inFlight) askToClose(response);
      await delay(waitSeconds * 1000);
      await close(server);
    },
    close: async () => {
      if (server.listening) await close(server);
    },
  };
}

/**
 * While draining, every answer asks its connection to end, so that nginx uses none that is about to close.
 * Returns the answers that are not out yet: those that began before the drain have to be told.
 */
function trackResponses(server: Server, readiness: Readiness): ReadonlySet<ServerResponse> {
  const inFlight = new Set<ServerResponse>();
  server.prependListener('request', (_request, response: ServerResponse) => {
    inFlight.add(response);
    response.once('close', () => inFlight.delete(response));
    if (readiness.isDraining()) askToClose(response);
  });
  return inFlight;
}

function askToClose(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}

/** Stops listening, ends idle connections, and waits for the others. */
async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  // Node leaves a connection that goes idle after close() open for the whole keepAliveTimeout: one whose answer
  // had its headers out before the drain began.
  const sweep = setInterval(() => server.closeIdleConnections(), IDLE_SWEEP_MS);
  await closed;
  clearInterval(sweep);
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server is bound to no port');
  return address.port;
}

/** What isn't HTTP never reaches Express; it gets the envelope too, while there is somebody to write to. */
function answerBrokenRequest(socket: Duplex, version: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const error = new ApiError('VALIDATION_ERROR', 'This is not a valid HTTP request.');
  const body = JSON.stringify(errorEnvelope(error, { requestId: uuidv7(), version }));
  socket.end(
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
