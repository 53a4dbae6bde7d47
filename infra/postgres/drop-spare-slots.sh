#!/bin/sh
# On the primary: drops the slots of nodes that POSTGRES_NODES no longer names, which would hold its WAL back for nobody.
# A node that is named again makes its slot itself, and copies the primary where the WAL between is gone. Prints each.
# shellcheck source=infra/postgres/common.sh
. /usr/local/lib/sv-postgres/common.sh

ask_here --set=slots="$(peer_slots | xargs)" <<'SQL'
select slot_name from
  (select slot_name, pg_drop_replication_slot(slot_name) from pg_replication_slots
   where slot_type = 'physical' and slot_name ~ '^replica_[0-9]+$' and not active and not pg_is_in_recovery()
     and slot_name <> all (string_to_array(:'slots', ' '))) as dropped;
SQL
