#!/bin/sh
# psql as the superuser on whichever node is the primary, from any node: psql-primary.sh -c 'select …'
# shellcheck source=infra/postgres/common.sh
. /usr/local/lib/sv-postgres/common.sh
exec psql "host=${peers:+$peers,}127.0.0.1 port=$port user=postgres dbname=sv connect_timeout=5 target_session_attrs=read-write" --no-psqlrc "$@"
