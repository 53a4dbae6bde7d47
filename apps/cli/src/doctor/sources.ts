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

/** A check whose source doesn't answer says so, and the others go on. */
export async function orUnanswered(check: string, look: () => Promise<Finding>): Promise<Finding> {
  try {
    return await look();
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
    return {
      check,
      state: 'unanswered',
      evidence: `${error instanceof Error ? error.message : String(error)}${cause}`,
    };
  }
}
