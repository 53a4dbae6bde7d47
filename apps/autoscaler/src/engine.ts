/**
 * The Docker Engine's API over its socket, as far as scaling needs it. Our own, because the client library brings SSH and
 * gRPC along, into the one process that is as good as root on the host.
 */
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

/** Of 2020, Docker 20.10: every newer engine still speaks it. */
const API = '/v1.41';
const ANSWER_LIMIT_SECONDS = 30;

const summary = z.object({
  Id: z.string(),
  Names: z.array(z.string()),
  ImageID: z.string(),
  /** In seconds. */
  Created: z.number(),
  State: z.string(),
  /** For people, and the only place of a list that has the health: `Up 3 minutes (healthy)`. */
  Status: z.string(),
  Labels: z.record(z.string(), z.string()),
});
export type Summary = z.output<typeof summary>;

/** What is asked for by name; the rest goes into a copy as it is. */
const details = z.object({
  Image: z.string(),
  Config: z.looseObject({
    Hostname: z.string(),
    Image: z.string(),
    Labels: z.record(z.string(), z.string()),
    StopTimeout: z.number().optional(),
  }),
  HostConfig: z.looseObject({ NetworkMode: z.string(), Memory: z.number() }),
  NetworkSettings: z.object({
    Networks: z.record(z.string(), z.looseObject({ Aliases: z.array(z.string()).nullish() })),
  }),
});
export type Details = z.output<typeof details>;

export interface Engine {
  /** Also those that don't run. */
  list(labels: Readonly<Record<string, string>>): Promise<readonly Summary[]>;
  inspect(id: string): Promise<Details>;
  /** The image that a name means now; undefined: none. */
  imageId(name: string): Promise<string | undefined>;
  create(name: string, body: object): Promise<string>;
  connect(network: string, id: string, endpoint: object): Promise<void>;
  start(id: string): Promise<void>;
  rename(id: string, name: string): Promise<void>;
  /** Its signal, its time to finish; then it is killed. */
  stop(id: string, graceSeconds: number): Promise<void>;
  remove(id: string): Promise<void>;
}

class EngineError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = 'EngineError';
    this.status = status;
  }
}

interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly limitSeconds?: number;
}

/** `signal` ends whatever is under way: what was begun is finished by whoever looks next. */
export function createEngine(options: { socketPath: string; signal: AbortSignal }): Engine {
  async function call({ method, path, query, body, limitSeconds = ANSWER_LIMIT_SECONDS }: Call) {
    const limit = AbortSignal.any([options.signal, AbortSignal.timeout(limitSeconds * 1000)]);
    const { status, answer } = await new Promise<{ status: number; answer: string }>((resolve, reject) => {
      const outgoing = request({
        socketPath: options.socketPath,
        method,
        path: `${API}${path}?${new URLSearchParams(query)}`,
        headers: { host: 'docker', 'content-type': 'application/json' },
        signal: limit,
      });
      outgoing.on('error', reject);
      outgoing.on('response', (response) => {
        text(response).then((answer) => resolve({ status: response.statusCode ?? 0, answer }), reject);
      });
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    }).catch((error: unknown) => {
      throw new Error(`the engine (${options.socketPath}) gave no answer to ${method} ${path}`, {
        cause: error,
      });
    });
    if (status >= 400)
      throw new EngineError(status, `the engine refused ${method} ${path}: ${status} ${answer.trim()}`);
    return answer;
  }
  /** Gone already, or in that state already: somebody else was faster. */
  const unless = (statuses: readonly number[]) => (error: unknown) => {
    if (error instanceof EngineError && statuses.includes(error.status)) return undefined;
    throw error;
  };

  return {
    async list(labels) {
      const label = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
      const answer = await call({
        method: 'GET',
        path: '/containers/json',
        query: { all: 'true', filters: JSON.stringify({ label }) },
      });
      return z.array(summary).parse(JSON.parse(answer));
    },
    async inspect(id) {
      return details.parse(JSON.parse(await call({ method: 'GET', path: `/containers/${id}/json` })));
    },
    async imageId(name) {
      const answer = await call({ method: 'GET', path: `/images/${encodeURIComponent(name)}/json` }).catch(
        unless([404]),
      );
      return answer === undefined ? undefined : z.object({ Id: z.string() }).parse(JSON.parse(answer)).Id;
    },
    async create(name, body) {
      const answer = await call({ method: 'POST', path: '/containers/create', query: { name }, body });
      return z.object({ Id: z.string() }).parse(JSON.parse(answer)).Id;
    },
    async connect(network, id, endpoint) {
      await call({
        method: 'POST',
        path: `/networks/${encodeURIComponent(network)}/connect`,
        body: { Container: id, EndpointConfig: endpoint },
      });
    },
    async start(id) {
      await call({ method: 'POST', path: `/containers/${id}/start` });
    },
    async rename(id, name) {
      await call({ method: 'POST', path: `/containers/${id}/rename`, query: { name } });
    },
    async stop(id, graceSeconds) {
      const limitSeconds = graceSeconds + ANSWER_LIMIT_SECONDS;
      await call({ method: 'POST', path: `/containers/${id}/stop`, limitSeconds }).catch(unless([304, 404]));
    },
    async remove(id) {
      await call({ method: 'DELETE', path: `/containers/${id}`, query: { v: 'true', force: 'true' } }).catch(
        unless([404, 409]),
      );
    },
  };
}
