import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { backupRows, readBackupStatus } from './backup-status.ts';

const NOW = new Date('2026-11-26T12:00:00Z');
const secondsAgo = (seconds: number) => NOW.getTime() / 1000 - seconds;
const HEALTHY_ARCHIVE = { archivedAt: new Date('2026-11-26T11:59:30Z'), failedAt: null };

function fileWith(changes: Record<string, unknown>): string {
  const directory = mkdtempSync(join(tmpdir(), 'backup-status-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'status.json');
  const backup = { databaseBytes: 2 ** 25, storedBytes: 2 ** 22, hasPageErrors: false };
  writeFileSync(
    file,
    JSON.stringify({
      at: secondsAgo(20),
      repository: 'volume',
      intervalSeconds: 86_400,
      failedAt: null,
      failure: null,
      walDroppedAt: null,
      drilledAt: null,
      backups: [
        { ...backup, label: 'A', type: 'full', startedAt: secondsAgo(90_010), endedAt: secondsAgo(90_000) },
        { ...backup, label: 'B', type: 'incr', startedAt: secondsAgo(3605), endedAt: secondsAgo(3600) },
      ],
      ...changes,
    }),
  );
  return file;
}

const rowsOf = async (
  changes: Record<string, unknown>,
  archive: Parameters<typeof backupRows>[1] = HEALTHY_ARCHIVE,
) =>
  Object.fromEntries(
    backupRows(await readBackupStatus({ repository: 'volume', file: fileWith(changes) }), archive, NOW),
  );

test('tells of the last backups their age and size, and what can be restored', async () => {
  expect(await rowsOf({})).toEqual({
    'last full backup': '2026-11-25 11:00:00 UTC, 25 h ago, 4.0 MiB of 32.0 MiB, A',
    'last backup': '2026-11-26 11:00:00 UTC, 60 min ago, 4.0 MiB of 32.0 MiB, B',
    'can be restored from': '2026-11-25 11:00:00 UTC',
    backups: '2 in the volume, 8.0 MiB',
    'WAL archived until': '2026-11-26 11:59:30 UTC',
    'restore rehearsed': 'never',
  });
});

test('what is wrong stands there: a failed backup, dropped WAL, archiving that fails, figures that are old', async () => {
  const rows = await rowsOf(
    { at: secondsAgo(600), failedAt: secondsAgo(700), failure: 'no space', walDroppedAt: secondsAgo(800) },
    { archivedAt: null, failedAt: NOW },
  );
  expect(rows).toMatchObject({
    'last backup failed': '2026-11-26 11:48:20 UTC: no space',
    'WAL was dropped': '2026-11-26 11:46:40 UTC',
    'WAL archived until': 'none yet',
    'archiving fails': 'since 2026-11-26 12:00:00 UTC at the latest',
    'this is': '10 min old: the scheduler beside Postgres is not heard of',
  });
});

test('where nothing was written yet, or backups are off or not ours, that is said', async () => {
  const missing = join(tmpdir(), 'there-is-no-such-folder', 'status.json');
  const rows = async (repository: string) =>
    backupRows(await readBackupStatus({ repository, file: missing }), HEALTHY_ARCHIVE, NOW);
  expect(await rows('volume')).toEqual([['backups', 'nothing is known yet']]);
  expect(await rows('off')).toEqual([['backups', 'off (BACKUP_REPOSITORY=off)']]);
  expect(await rows('elsewhere')).toEqual([['backups', 'of whoever runs the server elsewhere']]);
});
