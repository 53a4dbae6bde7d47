import express, { type Request, type Response } from 'express';
import type { z } from 'zod';
import { ApiError, type ErrorDetail } from '../errors.ts';

const readJson = express.json({ limit: '1mb', inflate: false });

/** Reads a JSON body, and only that; rejects with body-parser's errors. */
export async function readBody(request: Request, response: Response): Promise<unknown> {
  if (!request.is('application/json')) {
    throw new ApiError('VALIDATION_ERROR', 'Send a JSON body, with Content-Type: application/json.');
  }
  await new Promise<void>((resolve, reject) => {
    readJson(request, response, (error?: unknown) => (error === undefined ? resolve() : reject(error)));
  });
  return request.body;
}

/** The value in the schema's form; throws a VALIDATION_ERROR with the first field at fault and all of them. */
export function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const details = result.error.issues.flatMap(describeIssue);
  const [first] = details;
  throw new ApiError(
    'VALIDATION_ERROR',
    first === undefined ? 'The input is not valid.' : `${first.field}: ${first.message}`,
    {
      ...(first !== undefined && { field: first.field }),
      details,
    },
  );
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
  return field === '' ? 'body' : field;
}
