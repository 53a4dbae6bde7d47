import { basename } from 'node:path';
import { loadConfig } from '@sv-sdk/config';
import type { Command } from 'commander';
import { backUp } from '../backup.ts';
import { interruptible } from '../interrupt.ts';
import { print, table } from '../output.ts';
import { recordCommand, withDatabase } from '../platform.ts';
import { count } from '../progress.ts';

export function addBackupCommand(db: Command): void {
  db.command('backup')
    .description('dumps the database into a new file of BACKUP_DIR, and checks it')
    .option('--json', 'print JSON')
    .action(runBackup);
}

async function runBackup(options: { json?: boolean }): Promise<void> {
  const config = loadConfig([
    'DATABASE_DIRECT_URL',
    'DB_OWNER_PASSWORD',
    'BACKUP_DIR',
    'COMPRESS_BACKUP',
    // Asked for here, so that what is missing is told before the dump.
    'DATABASE_URL',
    'DB_PASSWORD',
  ]);
  const backup = await interruptible((signal) =>
    backUp({
      url: config.DATABASE_DIRECT_URL,
      password: config.DB_OWNER_PASSWORD,
      directory: config.BACKUP_DIR,
      isCompressed: config.COMPRESS_BACKUP,
      signal,
    }),
  );
  // All personal data at once has left the database: that is worth a row.
  await withDatabase((db) =>
    db.withTx((tx) =>
      recordCommand(tx, 'db backup', {
        eventType: 'platform.backed_up',
        metadata: { file: basename(backup.file), sizeBytes: backup.sizeBytes, sha256: backup.sha256 },
      }),
    ),
  );
  print(
    {
      text: table([
        ['file', backup.file],
        ['size', `${count(backup.sizeBytes)} bytes`],
        ['sha256', backup.sha256],
        ['checked', `${backup.tables} tables with their rows`],
        ['seconds', backup.seconds.toFixed(1)],
      ]),
      json: { ok: true, ...backup },
    },
    options.json ?? false,
  );
}
