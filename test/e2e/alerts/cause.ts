/** What a cause of alerts is, and what causes do to the stack in common. */
import { randomUUID } from 'node:crypto';
import type { Client } from '@sv-sdk/client';
import { call, clientOf, signIn } from '../client.ts';
import { containersOf, onPrimary, secret, shellOrThrow } from '../stack.ts';

export interface Cause {
  /** By name; as `Name{severity="critical"}` where one of several rules of that name is meant. */
  readonly alerts: readonly string[];
  /** Makes the cause possible and is none itself: after it the alerts must be silent. */
  readonly prepare?: () => Promise<unknown>;
  readonly start?: () => Promise<unknown>;
  /** Again and again while it lasts, in so many lanes ({@link LANES}). That it fails is part of most causes. */
  readonly traffic?: () => Promise<unknown>;
  readonly lanes?: number;
  readonly end?: () => Promise<unknown>;
  /** Undoes `prepare`, once the alerts have ended. */
  readonly cleanUp?: () => Promise<unknown>;
  /** {@link FIRES_SECONDS} where it says nothing. */
  readonly firesSeconds?: number;
  /** `start` takes long, and only what it ends with is the cause: seconds count from there. */
  readonly beginsAfterStart?: boolean;
  /** Of these the cause is how a stack is until somebody does what `end` does: they need not be silent before. */
  readonly mayFireBefore?: readonly string[];
}

/** Causes that need the same of the stack. */
export interface Room {
  readonly name: string;
  /** None disturbs another, so that all of them can be waited for at once. */
  readonly isTogether?: boolean;
  readonly prepare?: () => Promise<unknown>;
  readonly cleanUp?: () => Promise<unknown>;
  readonly causes: readonly (readonly [what: string, cause: Cause])[];
}

export const LANES = 4;
/** Scrape, evaluation and `for` take 10 s each; the cause itself may need longer. */
export const FIRES_SECONDS = 180;

/** Of an alert as a cause names it. */
export function alertOf(key: string): { name: string; labels: Readonly<Record<string, string>> } {
  const [, name = key, list = ''] = /^(\w+)\{(.*)\}$/.exec(key) ?? [];
  const labels = [...list.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, value]) => [label, value]);
  return { name, labels: Object.fromEntries(labels) };
}

export const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export const everyOf = async (service: string) => (await containersOf(service)).join(' ');

/** All of a service's instances hang. */
export function pausing(service: string): Pick<Cause, 'start' | 'end'> {
  let paused = '';
  return {
    async start() {
      paused = await everyOf(service);
      await shellOrThrow(`docker pause ${paused}`);
    },
    end: () => shellOrThrow(`docker unpause ${paused}`),
  };
}

/** All of a service's instances are away. */
export function stopping(service: string): Pick<Cause, 'start' | 'end'> {
  let stopped = '';
  return {
    async start() {
      stopped = await everyOf(service);
      await shellOrThrow(`docker stop --time 20 ${stopped}`);
    },
    end: () => shellOrThrow(`docker start ${stopped}`),
  };
}

/** They have a fraction of a processor, and then what Compose gives them again. */
export const starving = (service: string, cpus: string, usual: string): Pick<Cause, 'start' | 'end'> => ({
  start: async () => shellOrThrow(`docker update --cpus ${cpus} ${await everyOf(service)}`),
  end: async () => shellOrThrow(`docker update --cpus ${usual} ${await everyOf(service)}`),
});

export type Settings = Readonly<Record<string, string>>;
const assigned = (settings: Settings) =>
  Object.entries(settings)
    .map(([name, value]) => `${name}='${value}'`)
    .join(' ');

/** Starts services anew, healthy, by these settings beside the stack's own; without any, as they are meant to be. */
export const recreate = (services: string, settings: Settings = {}) =>
  shellOrThrow(`${assigned(settings)} docker compose up -d --no-deps --wait ${services}`);

const HELPERS = 'docker compose -f docker-compose.yml -f test/e2e/alerts/helpers.compose.yml';

/** One of helpers.compose.yml. */
export const startHelper = (service: string, settings: Settings = {}) =>
  shellOrThrow(`${assigned(settings)} ${HELPERS} up -d --no-deps ${service}`);

export const removeHelper = (service: string) => shellOrThrow(`${HELPERS} rm --stop --force ${service}`);

export const askRedis = (service: string, command: string) =>
  shellOrThrow(
    `docker compose exec -T ${service} sh -c 'REDISCLI_AUTH=$(cat $PASSWORD_FILE) exec redis-cli ${command}'`,
  );

/** On whichever node is none. */
export const onStandby = (statement: string) =>
  shellOrThrow(
    `docker compose exec -T postgres-replica sh -c 'PGPASSWORD=$(cat /run/secrets/postgres_password) psql -h 127.0.0.1 -U postgres -d sv -XAtc "${statement}"'`,
  );

/** Without it Postgres ends by itself whatever takes longer than 20 s (migration 0003). */
export const WITHOUT_TIME_LIMIT = 'PGOPTIONS="-c transaction_timeout=0"';

/** A session of the superuser on the primary that goes on by itself, until {@link endSessions} ends it by its mark. */
export const startSession = (statements: string, mark: string) =>
  shellOrThrow(
    `docker compose exec -T -d postgres sh -c 'export PGPASSWORD=$(cat /run/secrets/postgres_password) ${WITHOUT_TIME_LIMIT}; exec psql -h postgres -U postgres -d sv -c "${statements} /* ${mark} */"'`,
  );

export const endSessions = (mark: string) =>
  onPrimary(
    `select pg_terminate_backend(pid) from pg_stat_activity where query like '%/* ${mark} */%' and pid <> pg_backend_pid()`,
  );

export const muchWal = (mebibytes: number) =>
  onPrimary(
    `select count(pg_logical_emit_message(false, 'test', repeat('x', 1024 * 1024))) from generate_series(1, ${mebibytes})`,
  );

export const read = () => call('GET', '/api/v1/users?pageSize=5', { apiKey: secret('load_api_key') });

export const write = async () =>
  clientOf({ token: await signIn() }).post('/api/v1/suppressions', {
    body: { email: `${randomUUID()}@example.org` },
  });

let token: Promise<string> | undefined;
/** Signed in once: passwords are slow to check, and who signs in again and again is held back. */
export async function administrator(): Promise<Client> {
  token ??= signIn().catch((error: unknown) => {
    token = undefined;
    throw error;
  });
  return clientOf({ token: await token });
}

export interface Emails {
  /** What the addresses begin with. */
  readonly to?: string;
  readonly template?: string;
  readonly variables?: Readonly<Record<string, string>>;
}

const MOST_EMAILS_AT_ONCE = 1_000;

/** Accepted for sending, each to somebody else; their ids. */
export async function email(count: number, emails: Emails = {}): Promise<string[]> {
  const { to = '', template = 'notification' } = emails;
  const { variables = { name: 'Ada', title: 'Much', message: 'There is much of it.' } } = emails;
  const client = await administrator();
  const ids: string[] = [];
  while (ids.length < count) {
    const { data } = await client.post('/api/v1/emails', {
      body: {
        emails: Array.from({ length: Math.min(MOST_EMAILS_AT_ONCE, count - ids.length) }, () => ({
          to: `${to}${randomUUID()}@example.org`,
          template,
          variables,
        })),
      },
    });
    ids.push(...data.ids);
  }
  return ids;
}

/** Takes back what is left to send, and what the queue knows of it. */
export async function emptyQueue(): Promise<void> {
  await onPrimary(
    `with cancelled as (
       update email.email_sends set status = 'cancelled', cancelled_at = now() where status = 'queued' returning id
     )
     delete from email.email_outbox using cancelled where email_send_id = cancelled.id`,
  );
  await askRedis('redis-queue', 'FLUSHALL');
}
