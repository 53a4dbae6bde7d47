/** What a route is: its schemas, who may call it, and what it does. Router and OpenAPI are both made of it. */
import type { Principal } from '@sv-sdk/auth';
import type { Tx } from '@sv-sdk/db';
import type { z } from 'zod';
import type { Pagination } from '../envelope.ts';
import type { ErrorCode } from '../errors.ts';
import type { Services } from '../services.ts';

/** public: anybody. principal: a session or an API key. session: a person, not a machine. */
export type Access = 'public' | 'principal' | 'session';
export type Method = 'get' | 'post' | 'patch' | 'delete';

/** Writes an audit row of the caller's, in the transaction that it was handed out with. */
export type Audit = (eventType: string, metadata?: Readonly<Record<string, unknown>>) => Promise<void>;

export interface Context<A extends Access, P, Q, B> {
  readonly services: Services;
  readonly principal: A extends 'public' ? undefined : Principal;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly ipAddress: string;
  readonly userAgent: string | undefined;
  /**
   * The way to change something: a transaction on the primary, with the writer of its audit rows. The caller's
   * later reads see what it wrote. Every change writes at least one audit row. `action` does nothing but that: when
   * it collides with another (a deadlock), it is run again.
   */
  withTx<T>(action: (tx: Tx, audit: Audit) => Promise<T>): Promise<T>;
  /** Adds a Set-Cookie with this value. */
  setCookie(value: string): void;
}

interface Common<A extends Access, P, Q, B> {
  readonly method: Method;
  /** Express' form, `/api/v1/users/:id`. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly tag: string;
  readonly access: A;
  readonly params?: z.ZodType<P>;
  readonly query?: z.ZodType<Q>;
  readonly body?: z.ZodType<B>;
  readonly status: 200 | 201 | 202;
  /** signIn: checks a password or sends mail, so it counts for the address, whoever asks, by a stricter limit. */
  readonly limit?: 'signIn';
  /** What its body may hold at the most; absent: 1 MB. nginx must let it through (client_max_body_size). */
  readonly maxBodyBytes?: (settings: Services['settings']) => number;
  /** Codes beyond those that follow from access and input. */
  readonly errors?: readonly ErrorCode[];
}

export interface ItemEndpoint<A extends Access, P, Q, B, D> extends Common<A, P, Q, B> {
  readonly answers: 'item';
  readonly data: z.ZodType<D>;
  /** Load, authorise, act; the answer's `data`. */
  handle(context: Context<A, P, Q, B>): Promise<D>;
}

export interface ListEndpoint<A extends Access, P, Q, B, D> extends Common<A, P, Q, B> {
  readonly answers: 'list';
  /** Of one item. */
  readonly data: z.ZodType<D>;
  handle(context: Context<A, P, Q, B>): Promise<{ items: D[]; pagination: Pagination }>;
}

/** An answer that is sent while it is made, and is no envelope; its errors before the first byte are. */
export interface Streamed {
  /** One of the endpoint's `contentTypes`, with its parameters: `text/csv; charset=utf-8`. */
  readonly contentType: string;
  /** Under which a browser keeps it. */
  readonly filename?: string;
  /** Asked for the next only when the client has taken the last; ended (`return`) when the client is gone. */
  readonly chunks: AsyncIterable<string | Buffer>;
}

export interface StreamEndpoint<A extends Access, P, Q, B> extends Common<A, P, Q, B> {
  readonly answers: 'stream';
  readonly method: 'get';
  /** Those that it can answer with, without parameters. */
  readonly contentTypes: readonly string[];
  /** Load, authorise; then the chunks. */
  handle(context: Context<A, P, Q, B>): Promise<Streamed>;
}

/** With its types worn off: what router and OpenAPI need. `never`: only parsed input may be handed in. */
export type Endpoint =
  | ItemEndpoint<Access, never, never, never, unknown>
  | ListEndpoint<Access, never, never, never, unknown>
  | StreamEndpoint<Access, never, never, never>;

export function itemEndpoint<A extends Access, D, P = undefined, Q = undefined, B = undefined>(
  definition: Omit<ItemEndpoint<A, P, Q, B, D>, 'answers'>,
): Endpoint {
  return { ...definition, answers: 'item' } as unknown as Endpoint;
}

export function listEndpoint<A extends Access, D, P = undefined, Q = undefined, B = undefined>(
  definition: Omit<ListEndpoint<A, P, Q, B, D>, 'answers'>,
): Endpoint {
  return { ...definition, answers: 'list' } as unknown as Endpoint;
}

export function streamEndpoint<A extends Access, P = undefined, Q = undefined>(
  definition: Omit<StreamEndpoint<A, P, Q, undefined>, 'answers' | 'method'>,
): Endpoint {
  return { ...definition, method: 'get', answers: 'stream' } as unknown as Endpoint;
}
