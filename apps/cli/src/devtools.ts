/** Chrome's DevTools protocol over Node's own WebSocket: https://chromedevtools.github.io/devtools-protocol/v8/ */
export interface Devtools {
  send<Result>(method: string, parameters?: Record<string, unknown>): Promise<Result>;
  /** As `send`, for what nobody waits for. */
  post(method: string, parameters?: Record<string, unknown>): void;
  on<Event>(method: string, listener: (event: Event) => void): void;
  close(): Promise<void>;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

export async function openDevtools(url: string): Promise<Devtools> {
  const socket = new WebSocket(url);
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const listeners = new Map<string, (event: never) => void>();
  const closed = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  socket.addEventListener('open', () => opened.resolve());
  socket.addEventListener('error', () => opened.reject(new Error(`${url} can't be opened`)));
  socket.addEventListener('close', () => {
    for (const { reject } of waiting.values()) reject(new Error('the inspector was closed'));
    closed.resolve();
  });
  socket.addEventListener('message', ({ data }) => {
    const { id, method, params, result, error } = JSON.parse(String(data)) as Message;
    if (id === undefined) return listeners.get(method ?? '')?.(params as never);
    const answer = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) answer?.resolve(result);
    else answer?.reject(new Error(error.message));
  });
  await opened.promise;
  let last = 0;
  const post = (method: string, parameters: Record<string, unknown> = {}) => {
    last += 1;
    socket.send(JSON.stringify({ id: last, method, params: parameters }));
    return last;
  };
  return {
    async send<Result>(method: string, parameters?: Record<string, unknown>) {
      const answer = Promise.withResolvers<unknown>();
      waiting.set(post(method, parameters), answer);
      return (await answer.promise) as Result;
    },
    post: (method, parameters) => void post(method, parameters),
    on: (method, listener) => void listeners.set(method, listener as (event: never) => void),
    async close() {
      socket.close();
      await closed.promise;
    },
  };
}
