import { type ApiKeyRow, createApiKey as insertApiKey, revokeApiKeys } from '@sv-sdk/auth';
import { apiKeys } from '@sv-sdk/db';
import { allowsEvery } from '@sv-sdk/permissions';
import { and, count, desc, eq, isNull } from 'drizzle-orm';
import { z } from 'zod';
import { requirePermission } from '../../authorise.ts';
import { itemEndpoint, listEndpoint } from '../../endpoint/endpoint.ts';
import { ApiError, notFound } from '../../errors.ts';
import {
  cursorParameters,
  isAfter,
  newestFirst,
  offsetOf,
  pageRequestOf,
  paginate,
} from '../../pagination.ts';
import { givenMoment, idParams, moment, nameText, permissionText } from '../../schemas.ts';

const apiKeyView = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    prefix: z.string().meta({ description: 'The first characters of the key.' }),
    scopes: z.array(z.string()).nullable().meta({ description: 'null: all that its user may do.' }),
    expiresAt: moment.nullable(),
    lastUsedAt: moment.nullable(),
    createdAt: moment,
  })
  .meta({ id: 'ApiKey' });

function viewApiKey(key: ApiKeyRow): z.output<typeof apiKeyView> {
  return {
    id: key.id,
    name: key.name,
    prefix: key.prefix,
    scopes: key.scopes,
    expiresAt: key.expiresAt?.toISOString() ?? null,
    lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
    createdAt: key.createdAt.toISOString(),
  };
}

/** Keys are managed by people: a key that leaked could else make itself successors. */
export const listApiKeys = listEndpoint({
  method: 'get',
  path: '/api/v1/auth/api-keys',
  operationId: 'listApiKeys',
  summary: "The caller's API keys that were not revoked, newest first",
  tag: 'auth',
  access: 'session',
  query: z.strictObject(cursorParameters),
  status: 200,
  data: apiKeyView,
  async handle({ services, principal, query }) {
    requirePermission(principal, 'read:own:api_key');
    const request = pageRequestOf(query, newestFirst('api-keys'));
    const db = await services.db.read(principal.userId);
    const wanted = and(eq(apiKeys.userId, principal.userId), isNull(apiKeys.revokedAt));
    const [rows, [total]] = await Promise.all([
      db
        .select()
        .from(apiKeys)
        .where(and(wanted, isAfter(apiKeys.createdAt, apiKeys.id, request.after)))
        .orderBy(desc(apiKeys.createdAt), desc(apiKeys.id))
        .limit(request.pageSize + 1)
        .offset(offsetOf(request)),
      db.select({ count: count() }).from(apiKeys).where(wanted),
    ]);
    const { items, pagination } = paginate(rows, request, total?.count ?? 0);
    return { items: items.map(viewApiKey), pagination };
  },
});

export const createApiKey = itemEndpoint({
  method: 'post',
  path: '/api/v1/auth/api-keys',
  operationId: 'createApiKey',
  summary: 'Make an API key; it is shown this once',
  tag: 'auth',
  access: 'session',
  body: z.strictObject({
    name: nameText,
    scopes: z.array(permissionText).min(1).max(100).optional(),
    expiresAt: givenMoment
      .refine((at) => at.getTime() > Date.now(), { error: 'must be in the future' })
      .optional(),
  }),
  status: 201,
  data: apiKeyView
    .extend({ key: z.string().meta({ description: 'The key itself; keep it, it is shown nowhere else.' }) })
    .meta({ id: 'NewApiKey' }),
  async handle({ principal, body, withTx }) {
    requirePermission(principal, 'create:own:api_key');
    if (body.scopes !== undefined && !allowsEvery(principal.permissions, body.scopes)) {
      throw new ApiError('PERMISSION_DENIED', 'A key can have no scope that you do not hold.', {
        field: 'scopes',
      });
    }
    const { key, row } = await withTx(async (tx, audit) => {
      const created = await insertApiKey(tx, {
        userId: principal.userId,
        name: body.name,
        scopes: body.scopes ?? null,
        expiresAt: body.expiresAt ?? null,
      });
      await audit('api_key.created', { apiKeyId: created.row.id, scopes: created.row.scopes });
      return created;
    });
    return { ...viewApiKey(row), key };
  },
});

export const revokeApiKey = itemEndpoint({
  method: 'delete',
  path: '/api/v1/auth/api-keys/:id',
  operationId: 'revokeApiKey',
  summary: 'Revoke an API key',
  tag: 'auth',
  access: 'session',
  params: idParams,
  status: 200,
  data: z.strictObject({ id: z.string() }),
  errors: ['NOT_FOUND'],
  async handle({ principal, params, withTx }) {
    requirePermission(principal, 'delete:own:api_key');
    await withTx(async (tx, audit) => {
      if ((await revokeApiKeys(tx, principal.userId, { id: params.id })) === 0) throw notFound();
      await audit('api_key.revoked', { apiKeyId: params.id });
    });
    return { id: params.id };
  },
});
