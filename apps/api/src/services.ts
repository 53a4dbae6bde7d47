import type { Auth } from '@sv-sdk/auth';
import type { Database } from '@sv-sdk/db';
import type { EmailCosts, TemplateCompiler, TemplateStore } from '@sv-sdk/email';
import type { PermissionStore } from '@sv-sdk/permissions';
import type { Logger } from '@sv-sdk/telemetry';
import type { Registry } from 'prom-client';
import type { QueueBoard } from './admin/queue-board.ts';
import type { Idempotency } from './endpoint/idempotency.ts';
import type { Overload } from './overload/overload.ts';
import type { RateLimits } from './rate-limits/rate-limits.ts';
import type { Readiness } from './readiness.ts';
import type { FirstUserPages } from './routes/users/first-page.ts';
import type { UserStore } from './routes/users/load.ts';
import type { WebhookReceiver } from './routes/webhooks/receiver.ts';

/** What the routes and middleware work with; made once, in main.ts. */
export interface Services {
  readonly auth: Auth;
  readonly db: Database;
  /** What users may do, and who they are, out of the cache. */
  readonly permissions: PermissionStore;
  readonly users: UserStore;
  readonly firstUserPages: FirstUserPages;
  /** What emails are made of, out of the cache. */
  readonly templates: TemplateStore;
  /** A thread that compiles new ones. */
  readonly templateCompiler: TemplateCompiler;
  readonly idempotency: Idempotency;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly rateLimits: RateLimits;
  readonly readiness: Readiness;
  readonly overload: Overload;
  /** Of the email providers that are set up. */
  readonly emailWebhooks: readonly WebhookReceiver[];
  readonly queueBoard: QueueBoard;
  readonly settings: {
    /** Where browsers reach us. */
    readonly baseUrl: string;
    /** Under which the pages are that links in mails lead to. */
    readonly linkBaseUrl: string;
    /** Other origins that browsers may call us from. */
    readonly corsOrigins: readonly string[];
    readonly version: string;
    /** Of one email, together. */
    readonly attachmentsMaxBytes: number;
    readonly emailCosts: EmailCosts;
    /** Lines in the log for answers of success, of this instance; 0: one for each. */
    readonly logSuccessesPerSecond: number;
  };
}
