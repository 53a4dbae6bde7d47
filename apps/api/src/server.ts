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
/** Request line and headers. Above nginx' (24 KiB in lines of 8 KiB at the most) and what nginx adds. */
const MAX_HEADER_BYTES = 32_768;

export async function startServer(
  app: Express,
  options: { port: number; version: string; readiness: Readiness },
): Promise<ApiServer> {
  const server = createServer(
    {
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      // Node answers a request without Host without a body; the middleware `limits` does it in the envelope.
      requireHostHeader: false,
    },
    app,
  );
  // Node drops the headers beyond its limit and says nothing; `limits` refuses the request.
  server.maxHeadersCount = 0;
  const inFlight = trackResponses(server, options.readiness);
  answerInEnvelope(server, inFlight, options.version);
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

/** What never reaches Express gets the envelope, too. */
function answerInEnvelope(server: Server, inFlight: ReadonlySet<ServerResponse>, version: string): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // Of a request that was read in full the answer is still to come, and this one would be taken for it.
    const isOwed = [...inFlight].some(({ req }) => req.socket === socket && req.complete);
    if (isOwed) socket.destroy();
    else answerRaw(socket, faultOf(error), version);
  });
  server.on('connect', (_request, socket) => {
    answerRaw(socket, new ApiError('NOT_FOUND', 'There is no such route.'), version);
  });
  server.on('checkExpectation', (request) => {
    const error = invalid('Expect: only 100-continue is known here', 'Expect');
    answerRaw(request.socket, error, version, { hasBody: request.method !== 'HEAD' });
    request.resume(); // Its body, for the same reason as the socket.
  });
}

function faultOf(error: NodeJS.ErrnoException): ApiError {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return invalid(`The request line and the headers are larger than ${MAX_HEADER_BYTES} bytes.`);
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return invalid('The request did not arrive in time.');
    default:
      return invalid('This is not a valid HTTP request.');
  }
}

function invalid(message: string, field?: string): ApiError {
  return new ApiError('VALIDATION_ERROR', message, { ...(field !== undefined && { field }) });
}

/** Writes an answer to the connection, while there is somebody to write to, and ends it. */
function answerRaw(socket: Duplex, error: ApiError, version: string, { hasBody = true } = {}): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const requestId = uuidv7();
  const body = JSON.stringify(errorEnvelope(error, { requestId, version }));
  const head = [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${hasBody ? body : ''}`);
  // What still comes goes nowhere; unread, it would hold the connection for ever, as its end is behind it.
  socket.resume();
}
