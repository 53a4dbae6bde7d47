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
   * later reads see what it wrote. Every change writes at least one audit row.
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

/** With its types worn off: what router and OpenAPI need. `never`: only parsed input may be handed in. */
export type Endpoint =
  | ItemEndpoint<Access, never, never, never, unknown>
  | ListEndpoint<Access, never, never, never, unknown>;

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
