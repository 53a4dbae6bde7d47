# shellcheck shell=sh
# shellcheck disable=SC2034 # for those who source it
# Sourced by every script of this image: where things lie, the durable marks of a node, and how to ask a server.
# A node is a data directory with its server. Whether it is a primary or a standby is a fact of that directory
# (standby.signal); POSTGRES_ROLE only decides what an empty one becomes.
set -eu

export SECRETS_PATH="${SECRETS_PATH:-/run/secrets}"
export PGPASSFILE=/tmp/pgpass
etc=/etc/sv-postgres
new=$PGDATA.new
node=${NODE_NAME:-$(hostname)}
port=${PRIMARY_PORT:-5432}
# Beside the data directory, so that a new copy of that doesn't wipe what is said about it.
marks=${PGDATA%/*/*}/marks
# Who is the primary, for all nodes and for PgBouncer: written by the node that becomes it.
topology=${TOPOLOGY_PATH:-/topology}
# Longer than a busy server takes to answer, shorter than anybody's patience: a frozen one must hold up nothing.
ask_limit_seconds=10

say() { printf '%s %s: %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$node" "$*"; }
fail() { say "$*" >&2; exit 1; }

# The marks are files, so they survive whatever ends a script or the machine:
#   fenced       must not run; the text says why. make rejoin takes it away
#   clone        the data directory is to be replaced by a new copy of the primary
#   rejoin       the data directory is to be made a standby of the primary, by pg_rewind if possible
#   rewinding    pg_rewind is at work: found at a start, it was interrupted, and the directory is worth nothing
#   suspended    SYNC_REPLICATION=on, but no standby was left at the failover: writes don't wait until one streams
#   synchronous  as a primary, this node acknowledged nothing that a standby did not have
is_marked() { [ -e "$marks/$1" ]; }

# On the disk before anything follows from it.
mark() {
  { mkdir -p "$marks" && printf '%s\n' "${2-}" >"$marks/.new" && mv "$marks/.new" "$marks/$1" && sync "$marks/$1" "$marks"; } \
    || fail "the mark \"$1\" can't be written to $marks"
}

unmark() {
  for unmarked in "$@"; do rm -f "$marks/$unmarked"; done
  [ ! -d "$marks" ] || sync "$marks"
}

# Nothing when nobody has written it: a first start, or a server outside of the stack.
known_primary() {
  if [ -s "$topology/primary" ]; then cat "$topology/primary"; fi
}

set_known_primary() {
  [ -d "$topology" ] || return 0
  { printf '%s\n' "$1" >"$topology/.new" && mv "$topology/.new" "$topology/primary" && sync "$topology/primary" "$topology"; } \
    || fail "who is the primary can't be written to $topology"
}

# The other nodes, as libpq's list of hosts: it tries one after another.
list_peers() {
  list=''
  for name in ${POSTGRES_NODES:-${PRIMARY_HOST-}}; do
    [ "$name" = "$node" ] || list="$list${list:+,}$name"
  done
  printf '%s' "$list"
}

# A slot is named by its node's place in POSTGRES_NODES: replica_0, replica_1, …
slot_of() {
  place=0
  for name in ${POSTGRES_NODES-}; do
    if [ "$name" = "$1" ]; then printf 'replica_%d' "$place"; return; fi
    place=$((place + 1))
  done
}

peer_slots() {
  for peer in ${POSTGRES_NODES-}; do
    [ "$peer" = "$node" ] || slot_of "$peer"
    printf ' '
  done
}

peers=$(list_peers)
slot=${REPLICATION_SLOT:-$(slot_of "$node")}

# How a standby streams. A frozen one that reads nothing would otherwise hold up the primary for ever: to give up its
# slot, the checkpoint waits for the walsender, which waits to hand its last message over (measured: minutes, in which
# the WAL grows past every limit). A role's settings don't reach a walsender, what its client asks for does.
streaming_conninfo="host=$peers port=$port user=sv_replicator target_session_attrs=read-write options='-c tcp_user_timeout=20s'"

# Of the data of other major versions on this volume, the least first; what an upgrade has put aside is none.
other_majors() {
  for data in "${PGDATA%/*/*}"/*/"${PGDATA##*/}"; do
    major=${data%/*} major=${major##*/}
    [ ! -s "$data/PG_VERSION" ] || [ "$major" = "$PG_MAJOR" ] || printf '%s\n' "$major"
  done | sort -n
}

is_standby() { [ -e "$PGDATA/standby.signal" ]; }

# libpq reads the passwords from here; on a command line or in postgresql.auto.conf they could be read.
write_passwords() {
  (
    umask 077
    for pair in sv_replicator:db_replication_password postgres:postgres_password; do
      [ ! -s "$SECRETS_PATH/${pair#*:}" ] || printf '*:*:*:%s:%s\n' "${pair%%:*}" "$(cat "$SECRETS_PATH/${pair#*:}")"
    done >/tmp/pgpass.new
    mv /tmp/pgpass.new "$PGPASSFILE"
  )
}

# ask CONNECTION …: bounded in time, whatever the other side does.
ask() {
  connection=$1
  shift
  timeout "$ask_limit_seconds" psql "$connection connect_timeout=5 dbname=postgres" --no-psqlrc --no-password \
    --tuples-only --no-align --quiet --set=ON_ERROR_STOP=1 "$@"
}
ask_here() { ask 'host=/tmp user=postgres' "$@"; }
# Whichever of the others is the primary now.
ask_primary() { ask "host=$peers port=$port user=sv_replicator target_session_attrs=read-write" "$@"; }

# The timeline that this data directory is on: after a promotion the control file follows at the next checkpoint only.
own_timeline() {
  {
    pg_controldata "$PGDATA" | sed -n "s/^Latest checkpoint's TimeLineID: *//p" | xargs printf '%08X\n'
    find "$PGDATA/pg_wal" -maxdepth 1 -type f -name '[0-9A-F]*' | sed -n 's,.*/\([0-9A-F]\{8\}\)[0-9A-F]\{16\}$,\1,p'
  } | sort -u | tail -n 1
}

# What is written to the primary waits for a standby, or not. In a file of its own that a running server reads again;
# `alter system` wins over it, and is a person's.
write_synchronous() {
  case ${SYNC_REPLICATION:-off} in
    on | off) ;;
    *) fail "SYNC_REPLICATION must be on or off, not \"$SYNC_REPLICATION\"" ;;
  esac
  standbys=$(peer_slots | xargs | tr ' ' ',')
  if [ "${SYNC_REPLICATION:-off}" = off ] || is_marked suspended || [ -z "$standbys" ]; then standbys=''; else standbys="ANY 1 ($standbys)"; fi
  printf "synchronous_standby_names = '%s'\n" "$standbys" >/tmp/synchronous.conf
  if [ -z "$standbys" ]; then unmark synchronous; elif ! is_standby; then mark synchronous; fi
}

# No other server serves from this node's slots while it is a standby, so they would only hold WAL back.
forget_slots() { rm -rf "$PGDATA"/pg_replslot/*; }
