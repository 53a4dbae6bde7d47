import http from 'node:http';
import https from 'node:https';

/** The other side does not answer, or not as it should. */
export class DownloadError extends Error {
  /** Undefined: there was no answer. */
  readonly status: number | undefined;

  constructor(message: string, options: { status?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'DownloadError';
    this.status = options.status;
  }
}

export interface Agents {
  readonly https: https.Agent;
  readonly http: http.Agent;
  /** Tests. */
  readonly timeoutMs?: number;
}

/** A certificate has 2 KiB. */
const MAX_BYTES = 65_536;
/** SNS itself waits 15 s for our answer. */
const TIMEOUT_MS = 5_000;

/**
 * The body of a 200; any other answer, a redirect too, is a {@link DownloadError}. `fetch` takes no root
 * certificates and no other address, which tests with a real server need.
 */
export async function download(url: URL, agents: Agents): Promise<Buffer> {
  const options = {
    signal: AbortSignal.timeout(agents.timeoutMs ?? TIMEOUT_MS),
    headers: { 'user-agent': 'sv-sdk' },
  };
  try {
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const request =
        url.protocol === 'https:'
          ? https.get(url, { ...options, agent: agents.https }, resolve)
          : http.get(url, { ...options, agent: agents.http }, resolve);
      request.on('error', reject);
    });
    if (response.statusCode !== 200) {
      response.destroy();
      throw new DownloadError(`${url.host} answered ${response.statusCode}`, {
        ...(response.statusCode !== undefined && { status: response.statusCode }),
      });
    }
    return await readAtMost(response, MAX_BYTES);
  } catch (error) {
    if (error instanceof DownloadError) throw error;
    throw new DownloadError(`${url.host} could not be asked`, { cause: error });
  }
}

async function readAtMost(response: http.IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Leaving the loop ends the connection.
    if (bytes > maxBytes)
      throw new DownloadError(`the answer is larger than ${maxBytes} bytes`, { status: 200 });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
