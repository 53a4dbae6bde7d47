import { failureContent, metaOf } from '../envelope.ts';
import type { ApiError } from '../errors.ts';
import type { ApiResponse } from '../locals.ts';
import type { Context, Endpoint, StreamEndpoint } from './endpoint.ts';

/** All that a request is answered with, but for the answer's meta: what is kept under an Idempotency-Key. */
export interface Answer {
  readonly status: number;
  /** Values of Set-Cookie. */
  readonly cookies: readonly string[];
  /** The envelope without its meta. */
  readonly content: Readonly<Record<string, unknown>>;
}

export type EnvelopedEndpoint = Exclude<Endpoint, StreamEndpoint<never, never, never, never>>;

/** Lets the endpoint act. `cookies`: what it has set meanwhile. */
export async function answerOf(
  endpoint: EnvelopedEndpoint,
  context: Context<never, never, never, never>,
  cookies: readonly string[],
): Promise<Answer> {
  const { status } = endpoint;
  if (endpoint.answers === 'list') {
    const { items, pagination } = await endpoint.handle(context);
    return { status, cookies, content: { success: true, data: items, pagination } };
  }
  return { status, cookies, content: { success: true, data: await endpoint.handle(context) } };
}

/** A refusal, as it would be answered if it were thrown. */
export function refusalOf(error: ApiError): Answer {
  return { status: error.status, cookies: [], content: failureContent(error) };
}

export function sendAnswer(answer: Answer, response: ApiResponse, version: string): void {
  for (const cookie of answer.cookies) response.append('Set-Cookie', cookie);
  const meta = metaOf({ requestId: response.locals.requestId, version });
  response.status(answer.status).json({ ...answer.content, meta });
}
