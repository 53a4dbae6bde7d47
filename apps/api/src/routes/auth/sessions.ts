import { endSessions } from '@sv-sdk/auth';
import { sessions } from '@sv-sdk/db';
import { and, count, desc, eq, gt, sql } from 'drizzle-orm';
import { z } from 'zod';
import { itemEndpoint, listEndpoint } from '../../endpoint/endpoint.ts';
import { notFound } from '../../errors.ts';
import {
  cursorParameters,
  isAfter,
  newestFirst,
  offsetOf,
  pageRequestOf,
  paginate,
} from '../../pagination.ts';
import { idParams, moment } from '../../schemas.ts';

const sessionView = z
  .strictObject({
    id: z.string(),
    isCurrent: z.boolean().meta({ description: 'Whether it is the one that this request came with.' }),
    userAgent: z.string().nullable(),
    ipAddress: z.string().nullable(),
    createdAt: moment,
    expiresAt: moment,
  })
  .meta({ id: 'Session' });

/** No permission is asked for in this file: everybody may see and end their own sessions, and nobody another's. */
export const listSessions = listEndpoint({
  method: 'get',
  path: '/api/v1/auth/sessions',
  operationId: 'listSessions',
  summary: "The caller's sessions, newest first",
  tag: 'auth',
  access: 'session',
  query: z.strictObject(cursorParameters),
  status: 200,
  data: sessionView,
  async handle({ services, principal, query }) {
    const request = pageRequestOf(query, newestFirst('sessions'));
    const db = await services.db.read(principal.userId);
    const wanted = and(eq(sessions.userId, principal.userId), gt(sessions.expiresAt, sql`now()`));
    const [rows, [total]] = await Promise.all([
      db
        .select()
        .from(sessions)
        .where(and(wanted, isAfter(sessions.createdAt, sessions.id, request.after)))
        .orderBy(desc(sessions.createdAt), desc(sessions.id))
        .limit(request.pageSize + 1)
        .offset(offsetOf(request)),
      db.select({ count: count() }).from(sessions).where(wanted),
    ]);
    const { items, pagination } = paginate(rows, request, total?.count ?? 0);
    return {
      items: items.map((session) => ({
        id: session.id,
        isCurrent: session.id === principal.credentialId,
        userAgent: session.userAgent || null,
        ipAddress: session.ipAddress || null,
        createdAt: session.createdAt.toISOString(),
        expiresAt: session.expiresAt.toISOString(),
      })),
      pagination,
    };
  },
});

export const endSession = itemEndpoint({
  method: 'delete',
  path: '/api/v1/auth/sessions/:id',
  operationId: 'endSession',
  summary: "End one of the caller's sessions",
  tag: 'auth',
  access: 'session',
  params: idParams,
  status: 200,
  data: z.strictObject({ id: z.string() }),
  errors: ['NOT_FOUND'],
  async handle({ services, principal, params, withTx, setCookie }) {
    await withTx(async (tx, audit) => {
      if ((await endSessions(tx, principal.userId, { id: params.id })) === 0) throw notFound();
      await audit('auth.session.ended', { sessionId: params.id });
    });
    if (params.id === principal.credentialId) setCookie(services.auth.clearedCookie);
    return { id: params.id };
  },
});

export const endOtherSessions = itemEndpoint({
  method: 'delete',
  path: '/api/v1/auth/sessions',
  operationId: 'endOtherSessions',
  summary: "End all of the caller's sessions but this one",
  tag: 'auth',
  access: 'session',
  status: 200,
  data: z.strictObject({ endedSessions: z.int() }),
  async handle({ principal, withTx }) {
    const endedSessions = await withTx(async (tx, audit) => {
      const ended = await endSessions(tx, principal.userId, { exceptId: principal.credentialId });
      await audit('auth.sessions.ended', { endedSessions: ended, keptSessionId: principal.credentialId });
      return ended;
    });
    return { endedSessions };
  },
});
