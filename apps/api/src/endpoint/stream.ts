import { pipeline } from 'node:stream/promises';
import type { ApiResponse } from '../locals.ts';
import type { Streamed } from './endpoint.ts';

/**
 * Sends chunk after chunk, each when the client has taken the one before. What fails before the first chunk is
 * an ordinary error; after it only the connection can say so: it is cut, and the client sees that the last
 * chunk of the transfer never came.
 */
export async function sendStream(streamed: Streamed, status: number, response: ApiResponse): Promise<void> {
  const chunks = streamed.chunks[Symbol.asyncIterator]();
  try {
    const first = await chunks.next();
    response.status(status);
    if (streamed.filename !== undefined) response.attachment(streamed.filename);
    response.set('Content-Type', streamed.contentType);
    // Without this a HEAD would have all chunks made, for nobody.
    if (response.req.method === 'HEAD') response.end();
    else await pipeline(following(first, chunks, response), response);
  } catch (error) {
    // The client went away: nobody is left to tell, and nothing is wrong here.
    if (!isPrematureClose(error)) throw error;
  } finally {
    // Also where the pipeline never asked for anything. Ends no generator twice.
    await chunks.return?.();
  }
}

async function* following<T>(first: IteratorResult<T>, others: AsyncIterator<T>, response: ApiResponse) {
  try {
    for (let next = first; next.done !== true; next = await others.next()) yield next.value;
  } catch (error) {
    // Before the connection is cut, as that is when the log line is written.
    response.locals.error = error;
    throw error;
  }
}

function isPrematureClose(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}
