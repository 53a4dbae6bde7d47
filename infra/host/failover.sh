#!/usr/bin/env bash
# `make failover`: a standby becomes the primary; the old primary is fenced, so that nothing makes it a second one.
# Planned (the primary answers) it loses nothing: writes wait a moment. After a crash it says what would be lost, and
# loses it only with FORCE=1. TO=postgres-replica-2 chooses the standby; else the one that has most. Interrupted at any
# point, it can be run again.
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=infra/host/database.sh
. "$HOST_DIR/database.sh"

# So far may a standby be behind a primary that answers: a second of WAL at full speed, handed over within the stop.
MAX_LAG_MB=${MAX_LAG_MB:-16}
FORCE=${FORCE-} TO=${TO-}
number=0
holding='' stopped_by_us=''

next() {
  number=$((number + 1))
  step "$number. $*"
}

# Unsafe: ends, unless a person has said that it is to be done nevertheless.
refuse() {
  [ "$FORCE" = 1 ] || die "Refused: $* Nothing was changed. FORCE=1 make failover does it nevertheless."
  say "FORCE=1: going on, though $*"
}

let_writes_go_on() {
  if [ -n "$holding" ]; then docker kill --signal USR2 "$holding" >/dev/null || :; fi
  holding=''
}
trap let_writes_go_on EXIT

# Who was promoted and is known to nobody yet, or PgBouncer that still points elsewhere or holds writes back: the end of
# a failover, done as often as wanted. Says whether there was anything to do.
finish() {
  local node=$1 id pgbouncer said=unchanged
  id=$(of_node "$node" 2)
  [ "$(docker exec "$id" cat /topology/primary 2>/dev/null)" = "$node" ] || said=changed
  docker exec "$id" promote.sh
  pgbouncer=$(pgbouncer_container)
  if [ -z "$pgbouncer" ]; then
    say 'PgBouncer does not run; at its next start it finds the new primary'
  elif [ "$(docker exec "$pgbouncer" repoint.sh)" = changed ]; then
    said=changed
  fi
  holding=''
  [ "$said" = changed ]
}

next 'Look at the nodes'
look_at_nodes
[ -n "$nodes" ] || die 'Refused: no node of the database is here. Start the stack first: make up.'
show_nodes
primaries=$(nodes_that_are primary)

if [ "$(echo "$primaries" | wc -w)" -eq 1 ] && [ -n "$(nodes_that_are fenced)" ]; then
  next 'See whether an earlier failover was interrupted'
  if finish "$primaries"; then
    say "It was: $primaries is the primary, and PgBouncer points at it now."
    exit 0
  fi
  say 'No: it went to its end'
  [ -n "$(nodes_that_are standby)" ] ||
    die "Refused: already failed over. $primaries is the primary, and there is no standby to promote: bring $(nodes_that_are fenced | xargs) back first, by make rejoin."
fi

next 'Choose whom to promote'
standbys=$(nodes_that_are standby)
if [ "$(echo "$primaries" | wc -w)" -gt 1 ]; then
  # The later timeline is where PgBouncer pointed last.
  new=${TO:-$(printf '%s\n' "$nodes" | awk '$3 == "primary" { print $4, $5, $1 }' | sort -k1,1 -k2,2n | awk 'END { print $3 }')}
  old=$(echo "$primaries" | without "$new" | head -n 1)
  refuse "there are two primaries ($(echo "$primaries" | xargs)), and each may have acknowledged writes that the other lacks. $new would be kept, and $old be fenced."
elif [ -z "$standbys" ]; then
  die "Refused: no standby answers, so there is nobody to promote. make ps, make logs SERVICE=postgres-replica."
else
  old=${primaries:-$(known_primary)}
  new=${TO:-$(printf '%s\n' "$nodes" | awk '$3 == "standby" { print $4, $5, $1 }' | sort -k1,1 -k2,2n | awk 'END { print $3 }')}
  echo "$standbys" | grep -qx "$new" || die "Refused: TO=$new is no standby that answers. Those are: $(echo "$standbys" | xargs)."
fi
[ -n "$(of_node "$old" 2)" ] || die "Refused: $old, the primary, has no container, so it can't be fenced. Make one without starting it: docker compose up --no-start --no-deps $old."
old_id=$(of_node "$old" 2) new_id=$(of_node "$new" 2) old_is=$(of_node "$old" 3)
say "$new, in the place of $old ($old_is)"

next 'Check that it is safe'
if [ "$old_is" = primary ] && [ "$(of_node "$new" 3)" = standby ]; then
  [ "$(of_node "$new" 7)" = streaming ] || refuse "$new does not stream from $old, which answers."
  lag=$(($(of_node "$old" 5) - $(of_node "$new" 5)))
  [ "$lag" -le $((MAX_LAG_MB * 1048576)) ] || refuse "$new is $((lag / 1048576)) MB behind $old, which answers; MAX_LAG_MB=$MAX_LAG_MB are allowed."
  say "$new streams and is $((lag > 0 ? lag : 0)) bytes behind; the rest is handed over"
elif [ "$old_is" != primary ]; then
  unasked=$(nodes_that_are silent stopped preparing | without "$old" | xargs)
  [ -z "$unasked" ] || refuse "$unasked can't be asked, and may have more of what $old wrote than $new."
  say "$old does not answer; what $new lacks is read from its volume below"
fi

printf 'From here on it changes things:\n'
next 'Hold new transactions back'
# So that the stop has little left to write.
if [ "$old_is" = primary ]; then docker exec "$old_id" checkpoint.sh 300; fi
# Also with a dead primary: clients wait and get no error, and PgBouncer, which waits for 2 s after each failed connection
# (server_login_retry), tries the new one at once.
holding=$(pgbouncer_container)
if [ -n "$holding" ]; then docker kill --signal USR1 "$holding" >/dev/null; fi

next "Stop $old"
if [ "$old_is" = primary ]; then
  docker exec "$old_id" fence.sh "failed over to $new on $(date -u '+%Y-%m-%d %H:%M:%S') UTC"
elif [ "$(docker inspect --format '{{.State.Running}}' "$old_id")" = true ] && [ "$old_is" != fenced ]; then
  docker kill "$old_id" >/dev/null
  stopped_by_us=yes
fi

next "See what $new lacks"
if [ "$(of_node "$new" 3)" = standby ]; then unsent=$(unsent_of "$old_id" "$(docker exec "$new_id" status.sh | cut -d ' ' -f 4)"); else unsent=$(unsent_of "$old_id" fork); fi
say "$(describe_unsent "$old" "$unsent")"
case "$unsent" in
  '0 -' | unacknowledged*) ;;
  *)
    if [ "$FORCE" != 1 ]; then
      # As it was before: it may be worth more than what is asked for.
      if [ "$old_is" = primary ]; then docker exec "$old_id" unfence.sh; elif [ -n "$stopped_by_us" ]; then docker start "$old_id" >/dev/null; fi
      die "Refused: promoting $new would lose that. $old is as it was before; if it can be started (docker compose up -d $old), nothing is lost. FORCE=1 make failover does it nevertheless."
    fi
    say 'FORCE=1: going on nevertheless; it stays readable on the old volume until make rejoin'
    ;;
esac
if [ "$old_is" != primary ] && [ "$old_is" != fenced ]; then
  printf 'failed over to %s on %s UTC\n' "$new" "$(date -u '+%Y-%m-%d %H:%M:%S')" >"$BUILD_DIR/fenced"
  docker cp --quiet "$BUILD_DIR/fenced" "$old_id:$MARKS/fenced"
fi

next "Promote $new, and point PgBouncer at it"
finish "$new" || :
say "$new is the primary; writes go on"

next "Leave $old fenced"
docker exec "$new_id" checkpoint.sh
checkpointed=$(docker exec "$new_id" status.sh | cut -d ' ' -f 4)
# Running, it tells why it doesn't serve, and waits for make rejoin.
docker start "$old_id" >/dev/null || say "$old could not be started; make rejoin tries again"
others=$(echo "$standbys" | without "$new" | xargs)
[ -z "$others" ] || say "$others follows $new by itself"
# Its control file tells of the new timeline from its next restartpoint on: without this it would serve nobody who wrote
# lately for up to checkpoint_timeout, 10 minutes (ADR 0023). One that isn't there in time only comes to it later.
for other in $others; do
  docker exec "$(of_node "$other" 2)" checkpoint.sh 600 "$checkpointed" || say "$other has no new restartpoint yet"
done
printf '\n%sFailed over: %s is the primary.%s Bring %s back as its standby: make rejoin\n' "$BOLD" "$new" "$PLAIN" "$old"
