import createFetchClient, {
  type ClientPathsWithMethod,
  type Client as FetchClient,
  type FetchResponse,
  type MaybeOptionalInit,
} from 'openapi-fetch';
import { failureOf } from './failures.ts';
import { type Fetch, withRetries } from './retry.ts';
import type { components, paths } from './schema.ts';

export interface ClientOptions {
  /** Where the platform is reached, `https://sv.example.org`. */
  readonly baseUrl: string;
  /** What sign-in answered with; for a person. */
  readonly token?: string | undefined;
  /** For a machine. */
  readonly apiKey?: string | undefined;
  /** Instead of the global one. */
  readonly fetch?: Fetch;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Of each attempt; of a stream, until its headers are there. 30 by default. */
  readonly timeoutSeconds?: number;
  /** Further attempts of a GET or a POST after 429, 503 or a broken connection. 2 by default, 0 for none. */
  readonly maxRetries?: number;
  /** The longest Retry-After that is waited for. 10 by default. */
  readonly maxWaitSeconds?: number;
}

type Method = 'get' | 'post' | 'patch' | 'delete';
type Json = 'application/json';

export type PathOf<M extends Method> = ClientPathsWithMethod<FetchClient<paths>, M>;

/** The envelope of a success, without `success`; for a path that is not in the envelope nothing. */
type Unwrapped<Body> = Body extends { success: true } ? Omit<Body, 'success'> : never;

/** What a request is answered with: `data`, `meta`, of a list `pagination`; and how it came. */
export type Answer<P extends PathOf<M>, M extends Method> = Unwrapped<
  // biome-ignore lint/complexity/noBannedTypes: openapi-fetch's word for "no options"
  NonNullable<FetchResponse<paths[P][M & keyof paths[P]] & Record<string, unknown>, {}, Json>['data']>
> & { readonly status: number; readonly headers: Headers };

type Init<P extends PathOf<M>, M extends Method> = MaybeOptionalInit<paths[P], M & keyof paths[P]>;
/** Optional where the path needs no parameter and no body. */
type InitArguments<P extends PathOf<M>, M extends Method> =
  undefined extends Init<P, M> ? [init?: Init<P, M>] : [init: Init<P, M>];

type Call<M extends Method> = <P extends PathOf<M>>(
  path: P,
  ...init: InitArguments<P, M>
) => Promise<Answer<P, M>>;

/** The paths whose answers are pages. */
export type ListPath = {
  [P in PathOf<'get'>]: Answer<P, 'get'> extends { pagination: components['schemas']['Pagination'] }
    ? P
    : never;
}[PathOf<'get'>];

export type ItemOf<P extends ListPath> =
  Answer<P, 'get'> extends { data: readonly (infer Item)[] } ? Item : never;

/** Every method rejects with an ApiFailure, a ConnectionFailure, or the reason of the caller's own `signal`. */
export interface Client {
  readonly get: Call<'get'>;
  /** With an Idempotency-Key of its own, unless `headers` holds one; `null` there sends none. */
  readonly post: Call<'post'>;
  readonly patch: Call<'patch'>;
  readonly delete: Call<'delete'>;
  /** The body as it arrives, of a path that streams and is in no envelope. */
  stream<P extends PathOf<'get'>>(path: P, ...init: InitArguments<P, 'get'>): Promise<Response>;
  /** Every item of a list from the page on that `init` asks for, page after page, by cursor where the list has one. */
  paginate<P extends ListPath>(path: P, ...init: InitArguments<P, 'get'>): AsyncGenerator<ItemOf<P>, void>;
}

/** A client of one caller; makes no connection and needs no closing. */
export function createClient(options: ClientOptions): Client {
  const fetchWith = (isStreamed: boolean) =>
    withRetries(options.fetch ?? ((request) => globalThis.fetch(request)), {
      timeoutSeconds: options.timeoutSeconds ?? 30,
      maxRetries: options.maxRetries ?? 2,
      maxWaitSeconds: options.maxWaitSeconds ?? 10,
      isStreamed,
    });
  const fetchWhole = fetchWith(false);
  const fetchStream = fetchWith(true);
  const untyped = createFetchClient<Record<string, Record<Method, object>>>({
    baseUrl: options.baseUrl,
    headers: {
      ...options.headers,
      ...(options.token !== undefined && { Authorization: `Bearer ${options.token}` }),
      ...(options.apiKey !== undefined && { 'X-API-Key': options.apiKey }),
    },
  });

  // The types are the interface's; in here a path is a text and `init` what openapi-fetch takes.
  const request = async (method: Method, path: string, fetch: Fetch, init: UntypedInit = {}) => {
    const { response, error } = await untyped.request(method, path, { ...init, fetch, parseAs: 'stream' });
    // openapi-fetch has read the body of a failure.
    if (!response.ok) throw failureOf(response, error);
    return response;
  };
  const call =
    (method: Method) =>
    async (path: string, init: UntypedInit = {}) => {
      const key = method === 'post' ? { 'Idempotency-Key': crypto.randomUUID() } : {};
      const headers = { ...key, ...init.headers };
      return await unwrap(await request(method, path, fetchWhole, { ...init, headers }));
    };
  const get = call('get');

  return {
    get,
    post: call('post'),
    patch: call('patch'),
    delete: call('delete'),
    stream: (path: string, init?: UntypedInit) => request('get', path, fetchStream, init),
    async *paginate(path: string, init: UntypedInit = {}) {
      let query = init.params?.query ?? {};
      for (;;) {
        const { data, pagination } = await get(path, { ...init, params: { ...init.params, query } });
        yield* data;
        if (!pagination.hasNextPage) return;
        const { page: _, ...others } = query;
        // A list without cursors is short, and its pages are counted.
        query =
          pagination.nextCursor === null
            ? { ...query, page: pagination.page + 1 }
            : { ...others, cursor: pagination.nextCursor };
      }
    },
  } as unknown as Client;
}

interface UntypedInit {
  readonly params?: { readonly query?: Readonly<Record<string, unknown>> };
  readonly headers?: Readonly<Record<string, string | null>>;
}

interface UntypedAnswer {
  readonly data: unknown[];
  readonly pagination: components['schemas']['Pagination'];
}

async function unwrap(response: Response): Promise<UntypedAnswer> {
  const text = await response.text();
  const body = parseJson(text);
  if (typeof body !== 'object' || body === null || Reflect.get(body, 'success') !== true) {
    throw failureOf(response, body ?? text);
  }
  const { success: _, ...envelope } = body as UntypedAnswer & { success: true };
  return { ...envelope, ...{ status: response.status, headers: response.headers } };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // What isn't JSON isn't the API's.
  }
}
