/** The state of the physical backups, as the primary's node writes it once a minute (infra/postgres/backup-status.sh). */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';

const seconds = z.number().transform((value) => new Date(value * 1000));

const status = z.object({
  /** When it was written. */
  at: seconds,
  repository: z.string(),
  intervalSeconds: z.number(),
  failedAt: seconds.nullable(),
  failure: z.string().nullable(),
  walDroppedAt: seconds.nullable(),
  drilledAt: seconds.nullable(),
  backups: z.array(
    z.object({
      label: z.string(),
      type: z.enum(['full', 'diff', 'incr']),
      startedAt: seconds,
      endedAt: seconds,
      databaseBytes: z.number(),
      storedBytes: z.number(),
      hasPageErrors: z.boolean(),
    }),
  ),
});
export type BackupStatus = z.infer<typeof status>;

/** Nobody's here to back up: turned off, or the duty of whoever runs the server that is elsewhere. */
export type NoBackups = 'off' | 'elsewhere';

/** Undefined where nothing has been written yet, as the stack is starting. */
export async function readBackupStatus(options: {
  repository: string;
  file: string;
}): Promise<BackupStatus | NoBackups | undefined> {
  if (options.repository === 'off' || options.repository === 'elsewhere') return options.repository;
  let text: string;
  try {
    text = await readFile(options.file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  return status.parse(JSON.parse(text));
}

/** For people. `archive` is the server's own word on its WAL. */
export function backupRows(
  backups: BackupStatus | NoBackups | undefined,
  archive: { archivedAt: Date | null; failedAt: Date | null },
  now: Date,
): [string, string][] {
  if (backups === 'off') return [['backups', 'off (BACKUP_REPOSITORY=off)']];
  if (backups === 'elsewhere') return [['backups', 'of whoever runs the server elsewhere']];
  if (backups === undefined) return [['backups', 'nothing is known yet']];
  const rows: [string, string][] = [];
  const full = backups.backups.findLast(({ type }) => type === 'full');
  const latest = backups.backups.at(-1);
  const [oldest] = backups.backups;
  const describe = (backup: typeof latest) =>
    backup === undefined
      ? 'none yet'
      : `${utc(backup.endedAt)}, ${age(backup.endedAt, now)} ago, ${mebibytes(backup.storedBytes)} of ${mebibytes(backup.databaseBytes)}, ${backup.label}${backup.hasPageErrors ? ', with DAMAGED PAGES' : ''}`;
  rows.push(['last full backup', describe(full)]);
  if (latest !== full) rows.push(['last backup', describe(latest)]);
  if (oldest !== undefined) rows.push(['can be restored from', utc(oldest.endedAt)]);
  const stored = backups.backups.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
  rows.push(['backups', `${backups.backups.length} in the ${backups.repository}, ${mebibytes(stored)}`]);
  rows.push(['WAL archived until', archive.archivedAt === null ? 'none yet' : utc(archive.archivedAt)]);
  if (archive.failedAt !== null)
    rows.push(['archiving fails', `since ${utc(archive.failedAt)} at the latest`]);
  if (backups.failedAt !== null) {
    rows.push(['last backup failed', `${utc(backups.failedAt)}: ${backups.failure}`]);
  }
  if (backups.walDroppedAt !== null) rows.push(['WAL was dropped', utc(backups.walDroppedAt)]);
  rows.push(['restore rehearsed', backups.drilledAt === null ? 'never' : utc(backups.drilledAt)]);
  // The primary writes it every minute.
  if (now.getTime() - backups.at.getTime() > 5 * 60_000) {
    rows.push(['this is', `${age(backups.at, now)} old: the scheduler beside Postgres is not heard of`]);
  }
  return rows;
}

const utc = (moment: Date) =>
  moment
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC');

const mebibytes = (bytes: number) => `${(bytes / 1024 ** 2).toFixed(1)} MiB`;

function age(since: Date, now: Date): string {
  const minutes = Math.max(0, Math.floor((now.getTime() - since.getTime()) / 60_000));
  if (minutes < 120) return `${minutes} min`;
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1440)} days`;
}
