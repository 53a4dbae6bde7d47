/** Bull Board itself. Loaded by the first look at it: it brings BullMQ along, which no other request needs. */
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { createEmailQueue, createProducerConnection, type EmailQueue } from '@sv-sdk/queue';
import type { Logger } from '@sv-sdk/telemetry';
import type { Express } from 'express';
import { ApiError } from '../errors.ts';

/** How long one request waits for a connection; a page that hangs is worse than one that says why. */
const CONNECT_WAIT_MS = 2_000;

export interface BullBoard {
  readonly readOnly: Express;
  readonly writable: Express;
  /** Throws SERVICE_UNAVAILABLE while the queue's Redis can't be reached. */
  untilConnected(): Promise<void>;
  close(): Promise<void>;
}

/** The board of the queue at `url`, once for those who only look and once for those who may change something. */
export function openBullBoard(options: { url: string; basePath: string; logger: Logger }): BullBoard {
  const connection = createProducerConnection(options.url, options.logger);
  const queue = createEmailQueue(connection, options.logger);
  const isConnected = () => connection.status === 'ready';
  const board = (isReadOnly: boolean) =>
    createBoard({ queue, isReadOnly, isConnected, basePath: options.basePath });
  return {
    readOnly: board(true),
    writable: board(false),
    async untilConnected() {
      if (isConnected()) return;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const timer = setTimeout(() => reject(unreachable()), CONNECT_WAIT_MS);
      connection.once('ready', resolve);
      try {
        await promise;
      } finally {
        clearTimeout(timer);
        connection.off('ready', resolve);
      }
    },
    async close() {
      await queue.close();
      connection.disconnect();
    },
  };
}

function createBoard(options: {
  queue: EmailQueue;
  isReadOnly: boolean;
  isConnected: () => boolean;
  basePath: string;
}): Express {
  const { queue, isReadOnly, isConnected, basePath } = options;
  const server = new ExpressAdapter().setBasePath(basePath);
  const adapter = new BullMQAdapter(queue.bull, {
    readOnlyMode: isReadOnly,
    // A dead letter is replayed in Postgres; a job that is only tried again finds its email ended and sends nothing.
    allowRetries: false,
    description: 'Emails that are due. Dead letters are replayed with `sdk email replay`.',
    externalJobUrl: ({ id }) => ({ displayText: 'The email', href: `/api/v1/emails/${id}` }),
  });
  createBullBoard({
    queues: [adapter],
    serverAdapter: server,
    options: {
      uiConfig: uiConfigOf(isReadOnly),
      handlerHooks: { after: (_context, answer) => ({ ...answer, body: withoutStacks(answer.body) }) },
    },
  });
  // Thrown on, so that errors are logged and answered as everywhere, and without the server's own words.
  server.setErrorHandler((error) => {
    if (!isConnected() || error.message === 'Command timed out') throw unreachable(error);
    throw error;
  });
  const app: Express = server.getRouter();
  app.set('x-powered-by', false);
  app.set('etag', false);
  return app;
}

/** Why a job failed, and not where in our code: no stack trace leaves. */
function withoutStacks<T>(body: T): T {
  if (body === undefined) return body;
  return JSON.parse(JSON.stringify(body), (key, value: unknown) =>
    key === 'stacktrace' && Array.isArray(value)
      ? value.map((stack) => String(stack).split('\n', 1)[0])
      : value,
  );
}

/** Fonts of the system, as the page's own would come from another host, which its CSP forbids. */
const FONTS = { 'font-sans': 'system-ui, sans-serif', 'font-mono': 'ui-monospace, monospace' } as const;

function uiConfigOf(isReadOnly: boolean) {
  return {
    boardTitle: 'SV-SDK queues',
    hideDocsLink: true,
    miscLinks: [
      { text: 'API', url: '/api/v1/docs' },
      { text: 'Account', url: '/admin/sign-in' },
    ],
    theme: { light: FONTS, dark: FONTS },
    ...(isReadOnly && { environment: { label: 'read-only', color: '#475569', textColor: '#ffffff' } }),
  };
}

function unreachable(cause?: unknown): ApiError {
  return new ApiError('SERVICE_UNAVAILABLE', 'The queue cannot be reached. Try again.', { cause });
}
