/** Whom the doctor asks. */
import { type Config, type SettingName, withPassword } from '@sv-sdk/config';
import { primaryUrl, withClient } from '@sv-sdk/db';
import type { Prometheus } from '@sv-sdk/scaling';
import type { Finding } from './finding.ts';

export const DOCTOR_SETTINGS = [
  'DATABASE_DIRECT_URL',
  'DATABASE_URL',
  'DB_MONITOR_PASSWORD',
  'DB_PASSWORD',
  'PROMETHEUS_URL',
  'REDIS_PASSWORD',
  'REDIS_URL',
] as const satisfies readonly SettingName[];
export type DoctorConfig = Config<(typeof DOCTOR_SETTINGS)[number]>;

export interface Sources {
  readonly prometheus: Prometheus;
  /** Of Postgres' own statistics, on the primary, as sv_monitor: it may read no row of anybody. */
  statistics<Row extends Record<string, unknown>>(query: string): Promise<readonly Row[]>;
  readonly config: DoctorConfig;
}

export function openSources(config: DoctorConfig, prometheus: Prometheus): Sources {
  const asMonitor = () =>
    primaryUrl(withPassword(monitorUrl(config.DATABASE_DIRECT_URL), config.DB_MONITOR_PASSWORD));
  return {
    prometheus,
    config,
    async statistics<Row extends Record<string, unknown>>(query: string) {
      return await withClient(await asMonitor(), async (client) => {
        await client.query("set statement_timeout = '5s'");
        return (await client.query<Row>(query)).rows;
      });
    },
  };
}

/** The same servers, as another role. The URL may name several hosts, which is no URL to `URL`. */
const monitorUrl = (url: string) => url.replace(/^(postgres(?:ql)?:\/\/)(?:[^@/]*@)?/, '$1sv_monitor@');

/** What is looked at, and how: a chapter of the guide. */
export type Chapter = Readonly<Record<string, (check: string, sources: Sources) => Promise<Finding>>>;

/** All checks of a chapter, in its order. One whose source doesn't answer says so, and the others go on. */
export function examine(chapter: Chapter, sources: Sources): Promise<Finding[]> {
  return Promise.all(
    Object.entries(chapter).map(async ([check, look]) => {
      try {
        return await look(check, sources);
      } catch (error) {
        return unanswered(check, error);
      }
    }),
  );
}

function unanswered(check: string, error: unknown): Finding {
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
  return {
    check,
    state: 'unanswered',
    evidence: `${error instanceof Error ? error.message : String(error)}${cause}`,
  };
}

/** Statements that have been at work for longer than this, the longest first. */
export async function longStatements({ statistics }: Sources, seconds: number) {
  const rows = await statistics<{ who: string; seconds: number; waits: string; query: string }>(`
    select usename as who, extract(epoch from now() - query_start)::int as seconds,
           coalesce(wait_event, 'nothing') as waits, regexp_replace(query, '\\s+', ' ', 'g') as query
    from pg_stat_activity
    where backend_type = 'client backend' and state = 'active' and pid <> pg_backend_pid()
      and now() - query_start > interval '${seconds} s'
    order by query_start limit 3`);
  return rows.map((row) => ({ ...row, query: row.query.slice(0, 100) }));
}
