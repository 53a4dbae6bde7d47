#!/bin/sh
# Has this node use the secrets as they are now: for replication, for asking other nodes, for backups. Connections that are
# there stay.
# shellcheck source=infra/postgres/common.sh
. /usr/local/lib/sv-postgres/common.sh
write_passwords
[ "${BACKUP_REPOSITORY:-off}" = off ] || backup-configure.sh
