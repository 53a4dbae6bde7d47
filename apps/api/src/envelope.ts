/** The one shape of every answer under /api, and its schemas for OpenAPI. */
import { z } from 'zod';
import { type ApiError, ERROR_STATUS, type ErrorCode } from './errors.ts';

const meta = z
  .strictObject({
    requestId: z.string().meta({ description: 'The same as the header X-Request-Id; quote it in a report.' }),
    timestamp: z.iso.datetime(),
    version: z.string().meta({ description: 'Of the platform that answered.' }),
  })
  .meta({ id: 'Meta' });

export const pagination = z
  .strictObject({
    page: z.int(),
    pageSize: z.int(),
    totalPages: z.int(),
    totalCount: z
      .int()
      .meta({ description: 'Of all pages; at least so many where `totalCountIsExact` is false.' }),
    totalCountIsExact: z.boolean().meta({
      description: 'false: there are too many to count them at each page; follow `hasNextPage`.',
    }),
    hasNextPage: z.boolean(),
    hasPreviousPage: z.boolean(),
    nextCursor: z.string().nullable().meta({ description: 'Give it as `cursor` for the next page.' }),
  })
  .meta({ id: 'Pagination' });
export type Pagination = z.output<typeof pagination>;

export const successOf = <T extends z.ZodType>(data: T) =>
  z.strictObject({ success: z.literal(true), data, meta });

export const listOf = <T extends z.ZodType>(item: T) =>
  z.strictObject({ success: z.literal(true), data: z.array(item), pagination, meta });

const errorCodes = Object.keys(ERROR_STATUS) as [ErrorCode, ...ErrorCode[]];

export const failure = z
  .strictObject({
    success: z.literal(false),
    error: z.strictObject({
      code: z.enum(errorCodes),
      message: z.string(),
      field: z.string().optional().meta({ description: 'The first field at fault.' }),
      details: z.array(z.strictObject({ field: z.string(), message: z.string() })).optional(),
    }),
    meta,
  })
  .meta({ id: 'Error' });

export function metaOf(request: { requestId: string; version: string }): z.output<typeof meta> {
  return { requestId: request.requestId, timestamp: new Date().toISOString(), version: request.version };
}

/** The envelope of an error, without its meta. */
export function failureContent(error: ApiError): Omit<z.output<typeof failure>, 'meta'> {
  const { code, message, field, details } = error;
  return {
    success: false,
    error: {
      code,
      message,
      ...(field !== undefined && { field }),
      ...(details !== undefined && { details: [...details] }),
    },
  };
}

export function errorEnvelope(
  error: ApiError,
  request: { requestId: string; version: string },
): z.output<typeof failure> {
  return { ...failureContent(error), meta: metaOf(request) };
}
