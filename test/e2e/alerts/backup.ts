/** Backups, the archive of the WAL, and rehearsals of a restore. */
import { primaryNode } from '../failover.ts';
import { onPrimary, shell, shellOrThrow } from '../stack.ts';
import { type Cause, muchWal, pause, type Room, recreate } from './cause.ts';

const MINUTES = { timeoutSeconds: 420 };

export const backup: Room = {
  name: 'backups',
  causes: [
    ['the repository can not be written, and its scheduler hangs', repositoryNotWritable()],
    ['more WAL waits for the repository than may', tooMuchWalWaits()],
    ['no rehearsal of a restore has passed, and one fails', rehearsalFails()],
  ],
};

const onNode = async (command: string) =>
  shellOrThrow(`docker compose exec -T ${await primaryNode()} ${command}`);

/** Of the repository, by its owner: not the files, so that what is there can be read, and restored. */
const mayWrite = (how: '+' | '-') => onNode(`find /var/lib/pgbackrest -type d -exec chmod u${how}w {} +`);

/** The pattern is none of itself: the shell that looks is not found. */
const toldScheduler = (signal: 'STOP' | 'CONT') =>
  onNode(
    `sh -c 'for process in /proc/[0-9]*; do case $(tr "\\0" " " <$process/cmdline) in *backup-scheduler.[s]h*) kill -${signal} \${process#/proc/} ;; esac; done'`,
  );

function makeBackup() {
  return shellOrThrow('make backup', MINUTES);
}

async function failsToMakeBackup(): Promise<void> {
  const { exitCode, output } = await shell('make backup', MINUTES);
  if (exitCode === 0) throw new Error(`a backup was made in a repository that can't be written:\n${output}`);
}

/** Each one wakes the archiver, which after failures tries once a minute else. */
async function fillSegment(): Promise<void> {
  await onPrimary("select pg_logical_emit_message(false, 'test', 'x'), pg_switch_wal()");
  await pause(5_000);
}

function repositoryNotWritable(): Cause {
  return {
    alerts: ['BackupFailed', 'WalArchivingFailing', 'BackupTooOld', 'BackupStateUnknown'],
    // With the test's rules one that is minutes old is too old.
    prepare: makeBackup,
    beginsAfterStart: true,
    async start() {
      await mayWrite('-');
      await failsToMakeBackup();
      await toldScheduler('STOP');
    },
    traffic: fillSegment,
    lanes: 1,
    async end() {
      await toldScheduler('CONT');
      await mayWrite('+');
      await makeBackup();
    },
    firesSeconds: 300,
  };
}

/** 64 MiB instead of 4 GiB: four segments. */
function tooMuchWalWaits(): Cause {
  return {
    alerts: ['WalDropped'],
    prepare: () => recreate('postgres', { BACKUP_WAL_QUEUE_MAX: '64MiB' }),
    async start() {
      await mayWrite('-');
      await muchWal(160);
    },
    traffic: fillSegment,
    lanes: 1,
    async end() {
      await mayWrite('+');
      await makeBackup();
    },
    // The scheduler, which looks once a minute, tells of it.
    firesSeconds: 240,
    cleanUp: () => recreate('postgres'),
  };
}

/** No backup has the rows of an unlogged table. */
function rehearsalFails(): Cause {
  const TABLE = 'public.not_in_the_wal';
  return {
    alerts: ['RestoreDrillFailed', 'RestoreDrillOverdue'],
    mayFireBefore: ['RestoreDrillOverdue'],
    beginsAfterStart: true,
    async start() {
      // As on a new stack.
      await onNode('rm -f /var/lib/sv-backup-status/drill');
      await onPrimary(`create unlogged table ${TABLE} as select 1 as one`);
      const { exitCode, output } = await shell('make restore-drill', MINUTES);
      if (exitCode === 0) throw new Error(`a rehearsal passed that must not:\n${output}`);
    },
    async end() {
      await onPrimary(`drop table if exists ${TABLE}`);
      await shellOrThrow('make restore-drill', MINUTES);
    },
  };
}
