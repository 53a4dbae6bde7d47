#!/bin/sh
# Called by the entrypoint before Postgres starts: configures pgBackRest, makes the repository's stanza, leaves the
# scheduler running. Nothing here may keep Postgres from starting: what is wrong is said, and alerts say it again.
set -u
# shellcheck source=infra/postgres/backup-common.sh
. /usr/local/bin/backup-common.sh

if backup-configure.sh; then
  # Another major version of the same data has another system identifier; major-upgrade.sh, and a way back, left the mark.
  stanza_mark=/var/lib/postgresql/marks/stanza
  if [ -e "$stanza_mark" ] && [ ! -e "$PGDATA/standby.signal" ]; then
    if timeout 20 pgbackrest --no-online stanza-upgrade >&2; then rm -f "$stanza_mark"; fi
  fi
  # Before the first WAL is archived, so that the first try succeeds. A standby archives nothing. Another cluster's
  # repository is refused here and by every archive-push, and stays as it is until a person decides.
  [ -e "$PGDATA/standby.signal" ] || timeout 20 pgbackrest --no-online stanza-create >&2 ||
    say 'the repository is not usable (yet); archiving and backups go on trying' >&2
fi
# Forked twice, so that init is its parent: Postgres, which the entrypoint becomes, restarts all sessions when a child
# that it doesn't know is killed.
(backup-scheduler.sh </dev/null &)
