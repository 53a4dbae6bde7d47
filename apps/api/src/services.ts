import type { Auth } from '@sv-sdk/auth';
import type { Database } from '@sv-sdk/db';
import type { Logger } from '@sv-sdk/telemetry';
import type { Registry } from 'prom-client';
import type { Readiness } from './readiness.ts';

/** What the routes and middleware work with; made once, in main.ts. */
export interface Services {
  readonly auth: Auth;
  readonly db: Database;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly readiness: Readiness;
  readonly settings: {
    /** Where browsers reach us. */
    readonly baseUrl: string;
    /** Other origins that browsers may call us from. */
    readonly corsOrigins: readonly string[];
    readonly version: string;
  };
}
