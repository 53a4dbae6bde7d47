import express, { type Request, type Response } from 'express';
import type { z } from 'zod';
import { ApiError, type ErrorDetail } from '../errors.ts';
import type { Services } from '../services.ts';
import type { Endpoint } from './endpoint.ts';

const MAX_BODY_BYTES = 1024 * 1024;

/** No input of ours is nested half as deep, and JSON.stringify falls over at some thousands. */
const MAX_DEPTH = 32;
/** A body of 1 MB can hold 200,000 unknown fields, and one field can have a name of 1 MB: no answer repeats that. */
const MAX_DETAILS = 50;
const MAX_FIELD_LENGTH = 200;

/** What a request brings, in the form of the endpoint's schemas; undefined where it has none. */
export interface Input {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

/** Reads and parses all of a request's input; throws a VALIDATION_ERROR that names the field at fault. */
export async function readInput(
  endpoint: Endpoint,
  request: Request,
  response: Response,
  settings: Services['settings'],
): Promise<Input> {
  const params = endpoint.params && parse(endpoint.params, request.params);
  const query = endpoint.query && parse(endpoint.query, request.query);
  const maxBytes = endpoint.maxBodyBytes?.(settings) ?? MAX_BODY_BYTES;
  const body = endpoint.body && parse(endpoint.body, await readBody(request, response, maxBytes));
  return { params, query, body };
}

/** Reads a JSON body, and only that; rejects with body-parser's errors. */
async function readBody(request: Request, response: Response, maxBytes: number): Promise<unknown> {
  if (!request.is('application/json')) {
    throw new ApiError('VALIDATION_ERROR', 'Send a JSON body, with Content-Type: application/json.', {
      field: 'Content-Type',
    });
  }
  const readJson = express.json({ limit: maxBytes, inflate: false });
  await new Promise<void>((resolve, reject) => {
    readJson(request, response, (error?: unknown) => (error === undefined ? resolve() : reject(error)));
  });
  return request.body;
}

/** The value in the schema's form; throws a VALIDATION_ERROR with the first field at fault and all of them. */
export function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const unfit = findUnfit(value, []);
  if (unfit !== undefined) throw invalid([unfit]);
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw invalid(result.error.issues.flatMap(describeIssue));
}

function invalid(details: ErrorDetail[]): ApiError {
  const [first] = details;
  return new ApiError(
    'VALIDATION_ERROR',
    first === undefined ? 'The input is not valid.' : `${first.field}: ${first.message}`,
    { ...(first !== undefined && { field: first.field }), details: details.slice(0, MAX_DETAILS) },
  );
}

/**
 * What no schema may let through: texts that Postgres can't hold as they are, a field that could become an
 * object's prototype, and depth that a recursion falls over.
 */
function findUnfit(value: unknown, path: readonly PropertyKey[]): ErrorDetail | undefined {
  const unfit = (message: string, at = path) => ({ field: fieldOf(at), message });
  if (typeof value === 'string') return isPlainText(value) ? undefined : unfit(NOT_PLAIN);
  if (typeof value !== 'object' || value === null) return undefined;
  if (path.length >= MAX_DEPTH) return unfit(`is nested more than ${MAX_DEPTH} deep`, path.slice(0, 1));
  for (const [name, inner] of Object.entries(value)) {
    const at = [...path, Array.isArray(value) ? Number(name) : name];
    if (name === '__proto__') return unfit('is not known here', at);
    const found = isPlainText(name) ? findUnfit(inner, at) : unfit(NOT_PLAIN, at);
    if (found !== undefined) return found;
  }
  return undefined;
}

const NOT_PLAIN = 'must be Unicode text without NUL';

function isPlainText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\u0000');
}

/** zod names unknown keys together; each is a field of its own to the caller. */
function describeIssue(issue: z.core.$ZodIssue): ErrorDetail[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ field: fieldOf([...issue.path, key]), message: 'is not known here' }));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // The branch that fits best is the one with the fewest faults; the others would only confuse.
    const [closest = []] = issue.errors.toSorted((a, b) => a.length - b.length);
    return closest.flatMap((inner) => describeIssue({ ...inner, path: [...issue.path, ...inner.path] }));
  }
  return [{ field: fieldOf(issue.path), message: issue.message }];
}

/** `emails[2].to`; the whole input is `body`. */
function fieldOf(path: readonly PropertyKey[]): string {
  const field = path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
  if (field.length > MAX_FIELD_LENGTH) return `${field.slice(0, MAX_FIELD_LENGTH).toWellFormed()}…`;
  return field === '' ? 'body' : field.toWellFormed();
}
