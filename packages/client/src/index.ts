export {
  type Answer,
  type Client,
  type ClientOptions,
  createClient,
  type ItemOf,
  type ListPath,
} from './client.ts';
export { ApiFailure, ConnectionFailure, type ErrorCode, type ErrorDetail } from './failures.ts';
/** The API's named shapes: `Schemas.User`. */
export type * as Schemas from './schema.ts';
