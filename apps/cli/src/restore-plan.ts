/** Which backup a restore starts from, and whether it can get to where it is asked to go, before anything is stopped. */
import { z } from 'zod';
import { UsageError } from './output.ts';

/** What `backup-restore.sh describe` prints in the node that is to be restored; `info` is pgBackRest's own. */
const node = z.object({
  /** Of the data on the node; null: there is none. */
  timeline: z.number().nullable(),
  /** The timelines that it branched off from. */
  ancestors: z.array(z.number()),
  /** As pg_controldata says; empty: there is no data. */
  clusterState: z.string(),
  /** The request that this data came from, while the stack has not been started with it. */
  committed: z.string(),
  /** The newest of what earlier restores moved aside; empty: nothing. */
  copy: z.string(),
  info: z.array(
    z.object({
      backup: z.array(
        z.object({
          label: z.string(),
          type: z.string(),
          timestamp: z.object({ stop: z.number() }),
          archive: z.object({ stop: z.string() }),
          info: z.object({ size: z.number() }),
        }),
      ),
    }),
  ),
});
export type RestoreNode = z.infer<typeof node>;

export interface RestoreRequest {
  /** A moment; absent: the latest. */
  readonly to?: Date | undefined;
  /** Absent: the one that the node's data is on. */
  readonly timeline?: number | undefined;
  /** A backup's label; absent: the newest that leads there. */
  readonly set?: string | undefined;
}

export interface RestorePlan {
  readonly set: string;
  readonly setEndedAt: Date;
  /** Absent: Postgres follows the newest that it finds in the archive. */
  readonly timeline: number | undefined;
  readonly databaseBytes: number;
  /** The earliest moment that a plan can be made for. */
  readonly earliest: Date;
}

export function parseNode(text: string): RestoreNode {
  return node.parse(JSON.parse(text));
}

/**
 * A moment as a person writes it: `2026-11-23 12:00:00`, with a T and a fraction if they like. UTC unless it ends with
 * Z or an offset such as +01:00.
 */
export function parseMoment(text: string): Date {
  const match =
    /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?) ?(Z|[+-]\d{2}(?::?\d{2})?)?$/.exec(
      text.trim(),
    );
  const [, day = '', time = '', zone = 'Z'] = match ?? [];
  const offset = /^[+-]\d{2}$/.test(zone) ? `${zone}:00` : zone.replace(/^([+-]\d{2})(\d{2})$/, '$1:$2');
  const moment = new Date(`${day}T${time}${offset}`);
  // 2026-02-31 would become March.
  const isDay = match !== null && new Date(`${day}T00:00:00Z`).toJSON()?.startsWith(day);
  if (!isDay || Number.isNaN(moment.getTime())) {
    throw new UsageError(
      `TO=${text}: a moment such as "2026-11-23 12:00:00" is expected (UTC; another zone as +01:00 at its end)`,
    );
  }
  return moment;
}

/** Throws a {@link UsageError} that names what can be restored. */
export function planRestore(state: RestoreNode, request: RestoreRequest, now: Date): RestorePlan {
  const backups = (state.info[0]?.backup ?? []).map((backup) => ({
    label: backup.label,
    endedAt: new Date(backup.timestamp.stop * 1000),
    timeline: Number.parseInt(backup.archive.stop.slice(0, 8), 16),
    databaseBytes: backup.info.size,
  }));
  if (backups.length === 0) throw new UsageError('there is no backup in the repository yet: make backup');
  const timeline = request.timeline ?? state.timeline ?? undefined;
  const leadsThere = (of: number) => {
    if (timeline === undefined || of === timeline) return true;
    // Of another than the node's own we don't know where it branched off, only that its parents have lower numbers.
    return timeline === state.timeline ? state.ancestors.includes(of) : of < timeline;
  };
  const candidates = backups
    .filter((backup) => leadsThere(backup.timeline))
    .toSorted((a, b) => a.endedAt.getTime() - b.endedAt.getTime());
  const [oldest] = candidates;
  if (oldest === undefined) throw new UsageError(`no backup leads to timeline ${timeline}: make backup`);
  // The second in which it ended: what its WAL makes consistent lies in it.
  const earliest = new Date(oldest.endedAt.getTime() + 1000);
  const range = `what can be restored lies between ${utc(earliest)} and now, ${utc(now)}`;
  const { to } = request;
  if (to !== undefined && to > now) throw new UsageError(`TO=${utc(to)} lies in the future; ${range}`);
  if (to !== undefined && to < earliest) {
    throw new UsageError(`TO=${utc(to)} lies before the oldest backup; ${range}`);
  }
  const set =
    request.set === undefined
      ? candidates.findLast(({ endedAt }) => to === undefined || endedAt.getTime() + 1000 <= to.getTime())
      : candidates.find(({ label }) => label === request.set);
  if (set === undefined) {
    throw new UsageError(`SET=${request.set} is none of ${candidates.map(({ label }) => label).join(', ')}`);
  }
  if (to !== undefined && set.endedAt.getTime() + 1000 > to.getTime()) {
    throw new UsageError(`SET=${set.label} ended at ${utc(set.endedAt)}, after TO=${utc(to)}`);
  }
  return { set: set.label, setEndedAt: set.endedAt, timeline, databaseBytes: set.databaseBytes, earliest };
}

export const utc = (moment: Date): string => moment.toISOString().replace('T', ' ').replace('Z', ' UTC');
