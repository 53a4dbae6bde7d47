/**
 * The stack's own alert rules with times that a test can wait for. What is shortened: `for:`, the windows that are looked
 * back over, and how old something may become ({@link AGES}). What is compared with otherwise stays as it is.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './stack.ts';

export const SHORT_RULES = join(repository, '.build', 'e2e-rules');
const FOLDERS = ['rules', 'optional-rules'] as const;

const FOR_SECONDS = 10;
/** Three scrapes. */
const WINDOW_SECONDS = 30;
/** Of a group that is evaluated once a minute for the sake of long windows. */
const INTERVAL_SECONDS = 10;
/**
 * Windows of days stay: what is a share of a day is one of what there is. Not in these files, where a cause must also be
 * over: the promise has the window of all others, and of emails there must be a thousand within one.
 */
const DAYS_BECOME_SECONDS: Readonly<Record<string, number>> = { 'rules/slo.yml': 30, 'rules/email.yml': 120 };

export interface Age {
  readonly file: string;
  readonly alert: string;
  readonly rule: string;
  /** Instead of `rule`; absent: it can be waited for as it is, and is listed for what is printed. */
  readonly shortened?: string;
  readonly seconds: number;
}

/** How old something may become before its alert fires. Each is longer than what is usual, or the alert would always fire. */
export const AGES: readonly Age[] = [
  {
    // Rows are sealed after 25 s.
    file: 'rules/audit.yml',
    alert: 'AuditNotSealed',
    rule: '(sv_audit_unsealed_oldest_seconds) > 600',
    shortened: '(sv_audit_unsealed_oldest_seconds) > 60',
    seconds: 60,
  },
  {
    // A thousandth. As backups are made once a day, it fires wherever the last one is not minutes old.
    file: 'rules/backup.yml',
    alert: 'BackupTooOld',
    rule: '1.5 * max by (job, instance) (sv_backup_interval_seconds) + 3600',
    shortened: '(1.5 * max by (job, instance) (sv_backup_interval_seconds) + 3600) / 1000',
    seconds: 133,
  },
  {
    // It is written once a minute.
    file: 'rules/backup.yml',
    alert: 'BackupStateUnknown',
    rule: 'time() - sv_backup_status_timestamp_seconds > 600',
    shortened: 'time() - sv_backup_status_timestamp_seconds > 120',
    seconds: 120,
  },
  {
    // The workers tidy up every 4 to 6 minutes.
    file: 'rules/email.yml',
    alert: 'HousekeepingOverdue',
    rule: ') > 3600',
    shortened: ') > 400',
    seconds: 400,
  },
  {
    // 12 rounds of the 5 s that its causes set.
    file: 'rules/scaling.yml',
    alert: 'AutoscalerFailing',
    rule: 'max(sv_autoscaler_last_round_timestamp_seconds) > 180',
    shortened: 'max(sv_autoscaler_last_round_timestamp_seconds) > 60',
    seconds: 60,
  },
  {
    file: 'rules/host.yml',
    alert: 'DiskFullSoon',
    rule: 'offset 6h',
    shortened: 'offset 30s',
    seconds: 30,
  },
  {
    file: 'rules/cache.yml',
    alert: 'StaleCacheKeysWaiting',
    rule: '(sv_stale_cache_keys_oldest_seconds) > 10',
    seconds: 10,
  },
  {
    file: 'rules/email.yml',
    alert: 'WebhooksNotApplied',
    rule: '(sv_email_events_oldest_seconds) > 300',
    seconds: 300,
  },
  {
    file: 'rules/queue.yml',
    alert: 'OutboxStuck',
    rule: 'job:sv_outbox_oldest_seconds:max > 60',
    seconds: 60,
  },
  {
    file: 'rules/queue.yml',
    alert: 'ScaleWorkerWait',
    rule: 'job:sv_queue_wait_seconds:p95_5m > 60',
    seconds: 60,
  },
];

/** By path, such as `rules/api.yml`. */
export function shortRules(): ReadonlyMap<string, string> {
  return new Map(
    FOLDERS.flatMap((folder) => {
      const from = join(repository, 'infra/prometheus', folder);
      return readdirSync(from).map((name): [string, string] => {
        const file = `${folder}/${name}`;
        return [file, shorten(file, readFileSync(join(from, name), 'utf8'))];
      });
    }),
  );
}

/** Writes them where alert-rules.compose.yml mounts them from, beside a folder for more to scrape. */
export function writeShortRules(): void {
  rmSync(SHORT_RULES, { recursive: true, force: true });
  for (const folder of [...FOLDERS, 'scale']) mkdirSync(join(SHORT_RULES, folder), { recursive: true });
  for (const [file, rules] of shortRules()) writeFileSync(join(SHORT_RULES, file), rules);
}

/** Names say `5m` and `15m` on; nothing goes by them. */
function shorten(file: string, rules: string): string {
  let text = rules;
  for (const { rule, shortened } of AGES.filter((age) => age.file === file)) {
    if (text.split(rule).length !== 2) throw new Error(`${file} has not exactly one "${rule}": mend AGES`);
    if (shortened !== undefined) text = text.replace(rule, shortened);
  }
  const daysBecome = DAYS_BECOME_SECONDS[file];
  if (daysBecome !== undefined) text = text.replaceAll(/\[\d+d\]/g, `[${daysBecome}s]`);
  return (
    text
      .replaceAll(/\bfor: \d+[smhd]/g, `for: ${FOR_SECONDS}s`)
      .replaceAll(/\[\d+[mh]\]/g, `[${WINDOW_SECONDS}s]`)
      .replaceAll(/\binterval: \d+m/g, `interval: ${INTERVAL_SECONDS}s`)
      // Half of a window must be known: of three evaluations two.
      .replaceAll(/(count_over_time\([^)]*\)) >= \d+/g, '$1 >= 2')
  );
}

/** From `- alert:` or `- record:` to the next rule, or to the end of the group. */
function rulesOf(text: string): { kind: string; name: string; text: string }[] {
  return text.split(/\n(?=\s+- (?:alert|record|name): )/).flatMap((rule) => {
    const [, kind, name] = /^\s+- (alert|record): (\S+)$/m.exec(rule) ?? [];
    return kind === undefined || name === undefined ? [] : [{ kind, name, text: rule }];
  });
}

/**
 * How long an alert takes of itself at the most, by the shortened rules: the longest window that it looks back over, also
 * in the series that it is made of, then `for:`, and before both the age that something has to reach.
 */
export function windowSeconds(alert: string): number {
  const rules = [...shortRules().values()].flatMap(rulesOf);
  const records = new Map(
    rules.filter(({ kind }) => kind === 'record').map(({ name, text }) => [name, text]),
  );
  const longest = (text: string): number => {
    const own = [...text.matchAll(/\[(\d+)s\]/g)].map(([, seconds]) => Number(seconds));
    const [record] = /record: \S+/.exec(text) ?? [''];
    const others = [...text.matchAll(/\b\w+:\w+(?::\w+)?\b/g)].flatMap(([name]) => {
      const made = records.get(name);
      return made === undefined || record.endsWith(` ${name}`) ? [] : [longest(made)];
    });
    return Math.max(0, ...own, ...others);
  };
  const ages = AGES.filter((age) => age.alert === alert).map(({ seconds }) => seconds);
  return Math.max(
    ...rules
      .filter(({ kind, name }) => kind === 'alert' && name === alert)
      .map(({ text }) => {
        const waits = Number(/\bfor: (\d+)s/.exec(text)?.[1] ?? 0);
        return longest(text) + waits + Math.max(0, ...ages);
      }),
  );
}
