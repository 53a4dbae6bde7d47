#!/bin/sh
# Called by the entrypoint before Postgres starts: configures pgBackRest, makes the repository's stanza, leaves the
# scheduler running. Nothing here may keep Postgres from starting: what is wrong is said, and alerts say it again.
set -u
# shellcheck source=infra/postgres/backup-common.sh
. /usr/local/bin/backup-common.sh

if backup-configure.sh; then
  # Before the first WAL is archived, so that the first try succeeds. A standby archives nothing. Another cluster's
  # repository is refused here and by every archive-push, and stays as it is until a person decides.
  [ -e "$PGDATA/standby.signal" ] || timeout 20 pgbackrest --no-online stanza-create >&2 ||
    say 'the repository is not usable (yet); archiving and backups go on trying' >&2
fi
# Forked twice, so that init is its parent: Postgres, which the entrypoint becomes, restarts all sessions when a child
# that it doesn't know is killed.
(backup-scheduler.sh </dev/null &)
