/**
 * Servers with nothing around them: no authentication, no permission, no limit, no request id, no log line, no metric.
 * What the platform adds to a request is what it costs more than they do.
 */
import { createServer, type Server } from 'node:http';
import express from 'express';
import { fastify } from 'fastify';
import type { Pool } from 'pg';
import { listUsers } from './user-list.ts';

export const LIST_PATH = '/api/v1/users';
export const HELLO_PATH = '/hello';
const HELLO = JSON.stringify({ hello: 'world' });

/** Each answers {@link LIST_PATH} out of the pool, or {@link HELLO_PATH} out of nothing. */
export const baselines = {
  'node-http': async () =>
    createServer((_request, response) => {
      response.setHeader('Content-Type', 'application/json').end(HELLO);
    }),

  'node-http-pg': async (pool: Pool) =>
    createServer((_request, response) => {
      listUsers(pool).then(
        (list) => response.setHeader('Content-Type', 'application/json').end(JSON.stringify(list)),
        (error: unknown) => {
          response.statusCode = 500;
          response.end(String(error));
        },
      );
    }),

  'express-pg': async (pool: Pool) => {
    const app = express();
    app.get(LIST_PATH, async (_request, response) => {
      response.json(await listUsers(pool));
    });
    return createServer(app);
  },

  'fastify-pg': async (pool: Pool) => {
    const app = fastify();
    app.get(LIST_PATH, () => listUsers(pool));
    await app.ready();
    return app.server;
  },
} satisfies Record<string, (pool: Pool) => Promise<Server>>;

export type Baseline = keyof typeof baselines;
