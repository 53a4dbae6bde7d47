import type { Db, Tx } from '@sv-sdk/db';
import { sql } from 'drizzle-orm';

/** Numbers of emails, each counted for the day on which it was accepted. */
export interface EmailCounts {
  /** All of them: queued + sent + failed + suppressed + cancelled + those that ended as uncertain. */
  readonly accepted: number;
  readonly queued: number;
  /** Handed to a provider, whatever it said of them later: delivered and bounced are among them. */
  readonly sent: number;
  readonly delivered: number;
  readonly bounced: number;
  readonly complained: number;
  /** The dead letters. */
  readonly failed: number;
  readonly suppressed: number;
  readonly cancelled: number;
  /** They may have gone out, or gone out twice; most of them are among the others, too. */
  readonly uncertain: number;
  /** (sent / 1000) × the provider's rate, in US dollars. */
  readonly costUsd: number;
}

export interface ProviderStats extends EmailCounts {
  /** Null: no provider was asked (queued, suppressed, cancelled). */
  readonly provider: string | null;
}

export interface DayStats extends ProviderStats {
  /** In UTC, `2026-01-31`. */
  readonly day: string;
}

export interface EmailStats {
  readonly total: EmailCounts;
  readonly providers: readonly ProviderStats[];
  /** By day, then by provider; a day without an email is left out. */
  readonly days: readonly DayStats[];
}

export interface StatsPeriod {
  readonly from: Date;
  /** Not included. */
  readonly until: Date;
}

/** US dollars for a thousand emails, by the provider's name; one that isn't named costs nothing. */
export type EmailCosts = Readonly<Partial<Record<string, number>>>;

interface Row extends Record<string, unknown>, Omit<EmailCounts, 'costUsd'> {
  readonly day: string | null;
  readonly provider: string | null;
  readonly is_total: boolean;
}

/**
 * What became of the emails that were accepted in a period, by day, by provider and in all. One aggregate in
 * Postgres: no row of an email leaves it (mistake 4 of the original), and a replica will do.
 */
export async function emailStats(
  db: Db | Tx,
  { from, until }: StatsPeriod,
  costs: EmailCosts,
): Promise<EmailStats> {
  // Two steps in one statement, as Postgres aggregates the rows in parallel, but no grouping sets.
  const { rows } = await db.execute<Row>(sql`
    with daily as (
      select (created_at at time zone 'UTC')::date as day, provider,
        count(*) as accepted,
        count(*) filter (where status = 'queued') as queued,
        count(*) filter (where sent_at is not null or status in ('sent', 'delivered', 'bounced')) as sent,
        count(*) filter (where status = 'delivered') as delivered,
        count(*) filter (where status = 'bounced') as bounced,
        count(*) filter (where complained_at is not null) as complained,
        count(*) filter (where status = 'failed') as failed,
        count(*) filter (where status = 'suppressed') as suppressed,
        count(*) filter (where status = 'cancelled') as cancelled,
        count(*) filter (where uncertain_at is not null) as uncertain
      from email.email_sends
      where created_at >= ${from.toISOString()}::timestamptz and created_at < ${until.toISOString()}::timestamptz
      group by 1, 2
    )
    select day::text, provider, grouping(provider) = 1 as is_total,
      ${total('accepted')}, ${total('queued')}, ${total('sent')}, ${total('delivered')}, ${total('bounced')},
      ${total('complained')}, ${total('failed')}, ${total('suppressed')}, ${total('cancelled')}, ${total('uncertain')}
    from daily
    group by grouping sets ((day, provider), (provider), ())
    order by day, provider nulls first`);
  const withCost = ({ day: _, is_total: __, ...counts }: Row): ProviderStats => ({
    ...counts,
    costUsd: rounded((counts.sent / 1000) * (costs[counts.provider ?? ''] ?? 0)),
  });
  const providers = rows.filter(({ day, is_total }) => day === null && !is_total).map(withCost);
  const days = rows.flatMap((row) => (row.day === null ? [] : [{ day: row.day, ...withCost(row) }]));
  const whole = rows.find(({ is_total }) => is_total);
  if (whole === undefined) throw new Error('an aggregate over all answered with no row');
  const { provider: _, ...counts } = withCost(whole);
  const costUsd = rounded(providers.reduce((sum, provider) => sum + provider.costUsd, 0));
  return { total: { ...counts, costUsd }, providers, days };
}

const total = (column: string) =>
  sql`coalesce(sum(${sql.identifier(column)}), 0)::float8 as ${sql.identifier(column)}`;

/** To a millionth of a dollar: an email of SES costs a hundred of them, and 0.1 + 0.2 is no 0.3. */
const rounded = (usd: number) => Math.round(usd * 1e6) / 1e6;
