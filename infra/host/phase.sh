# shellcheck shell=bash
# Sourced by up.sh: `make up PHASE=2`, a phase of the scaling guide on this machine (docs/operations/scaling.md).

# Tells what the settings file becomes, and makes it so; DRY_RUN=1 only tells.
apply_phase() {
  local next=$BUILD_DIR/phase-$COMPOSE_PROJECT_NAME.env
  run_once sdk config phase "$PHASE" --env \
    <"$SV_ENV_FILE" >"$next" || die "Nothing was started, and $SV_ENV_FILE is as it was."
  refuse_to_leave_primary "$next"
  if [ "${DRY_RUN-}" = 1 ]; then
    rm "$next"
    say "DRY_RUN=1: $SV_ENV_FILE is as it was, and nothing was started."
    exit 0
  fi
  # Through a copy, for its mode: whole or not at all.
  cp -p "$SV_ENV_FILE" "$SV_ENV_FILE.new"
  cat "$next" >"$SV_ENV_FILE.new"
  rm "$next"
  if cmp -s "$SV_ENV_FILE.new" "$SV_ENV_FILE"; then rm "$SV_ENV_FILE.new"; else mv "$SV_ENV_FILE.new" "$SV_ENV_FILE"; fi
  use_settings
}

# A lower phase has no second replica. If a failover has made that the primary, the newest data are there alone.
refuse_to_leave_primary() {
  local volume=${COMPOSE_PROJECT_NAME}_postgres-topology primary
  ! grep -q '^COMPOSE_FILE=.*docker-compose\.scale\.yml' "$1" || return 0
  docker volume inspect "$volume" >/dev/null 2>&1 || return 0
  # Nobody is named there before the first failover.
  primary=$(docker run --rm --network none --volume "$volume:/topology:ro" --entrypoint sh \
    "sv-sdk/postgres:$(setting SV_VERSION dev)" -c 'cat /topology/primary 2>/dev/null || :')
  [ "$primary" != postgres-replica-2 ] ||
    die "Refused: postgres-replica-2 is the primary, and phase $PHASE has no such node. Nothing was changed. First: make failover TO=postgres"
}

# After a start with fewer nodes than before.
drop_spare_slots() {
  local primary dropped
  primary=$(nodes_that_are primary)
  [ -n "$primary" ] || return 0
  dropped=$(docker exec "$(of_node "$primary" 2)" drop-spare-slots.sh </dev/null | xargs) ||
    die "$primary did not drop the slots of nodes that are no more; make up again."
  [ -z "$dropped" ] || say "Dropped $dropped: the node is no more, and WAL was kept for it"
}
