#!/bin/sh
# Lets this node go on: as a standby of the primary (unfence.sh rejoin), or as what it was (unfence.sh), for a failover
# that is called off.
# shellcheck source=infra/postgres/common.sh
. /usr/local/lib/sv-postgres/common.sh
if [ "${1-}" = rejoin ]; then mark rejoin; fi
unmark fenced
