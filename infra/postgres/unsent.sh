#!/bin/sh
# What only this node has, its server being stopped: unsent.sh LSN, or `unsent.sh fork`, the place where the primary
# went another way. Reads the WAL in the data directory, and prints
#   COUNT TIME   transactions committed after that, and when the last of them was (UTC); 0 -
#   unknown WHY
# and "unacknowledged" in front of it where no client was told that they were committed (SYNC_REPLICATION=on).
# shellcheck source=infra/postgres/common.sh
. /usr/local/lib/sv-postgres/common.sh

unknown() { echo "unknown $*"; exit 0; }
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  [ "$1" != fork ] || { echo '0 -'; exit 0; }
  unknown 'there are no data here'
fi
timeline=$(own_timeline)

if [ "$1" = fork ]; then
  start=$(ask "host=$peers port=$port user=postgres target_session_attrs=read-write" --set=timeline="$timeline" <<'SQL'
with here as (select left(pg_walfile_name(pg_current_wal_lsn()), 8) as timeline)
select case
  when here.timeline = :'timeline' then pg_current_wal_lsn()::text
  else (select split_part(line, E'\t', 2)
        from regexp_split_to_table(pg_read_file('pg_wal/' || here.timeline || '.history', true), E'\n') as line
        where line ~ '^\d+\t' and upper(lpad(to_hex(split_part(line, E'\t', 1)::int), 8, '0')) = :'timeline')
end from here;
SQL
  ) || unknown 'no primary answers'
  [ -n "$start" ] || unknown "the primary does not come from this node's timeline $timeline"
else
  start=$1
fi

# Segments of 16 MB, as initdb makes them: 256 of them share the first number of a position.
segment=$(printf '%08X%08X' "0x${start%%/*}" "$((0x${start##*/} / 16777216))")
newest=$(find "$PGDATA/pg_wal" -maxdepth 1 -type f -name "$timeline*" | sed 's,.*/,,' | grep -E '^[0-9A-F]{24}$' | sort | tail -n 1)
if [ ! -e "$PGDATA/pg_wal/$timeline$segment" ]; then
  [ -n "$newest" ] || unknown 'there is no WAL here'
  [ "$(printf '%s\n' "$newest" "$timeline$segment" | sort | tail -n 1)" != "$newest" ] || unknown "the WAL from $start on is not here any more"
  # Exactly at the end of what was ever written.
  echo '0 -'
  exit 0
fi

# It ends with an error where the WAL ends: at the first record that is none.
pg_waldump --path="$PGDATA/pg_wal" --timeline="$((0x$timeline))" --start="$start" --rmgr=Transaction >/tmp/unsent 2>/tmp/unsent-end ||
  [ -s /tmp/unsent-end ] || unknown 'pg_waldump failed without a word'
awk '/desc: COMMIT/ { count++; if (match($0, /[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9:.]+/)) last = substr($0, RSTART, RLENGTH) }
  END { if (count) print count, last; else print "0 -" }' /tmp/unsent | sed "$(if is_marked synchronous && ! grep -qE '^synchronous_' "$PGDATA/postgresql.auto.conf"; then echo 's/^[1-9]/unacknowledged &/'; fi)"
