# shellcheck shell=bash
# Sourced: one deploy or rollback of a stack at a time, and nothing else that starts or stops its instances meanwhile.

# What deploys remember of this stack: the lock, the versions before, and what one that was interrupted was about.
DEPLOYS=$BUILD_DIR/deploy-$COMPOSE_PROJECT_NAME
DEPLOY_LOCK=$DEPLOYS/lock
DEPLOY_UNFINISHED=$DEPLOYS/unfinished

# Who holds the lock and is alive; nothing else. The lock is a link to a process id: made in one step, with its content.
deploy_holder() {
  local holder
  holder=$(readlink "$DEPLOY_LOCK") || return 0
  if kill -0 "$holder" 2>/dev/null || [ -d "/proc/$holder" ]; then printf '%s' "$holder"; fi
}

# Ends where a deploy is at work: refuse_during_deploy make scale
refuse_during_deploy() {
  local holder
  holder=$(deploy_holder)
  [ -z "$holder" ] || die "Refused: a deploy or a rollback is at work (process $holder). Nothing was changed. Wait for its end, then: $*."
}

# Ends where one was interrupted and its containers are still there: two versions may be serving.
refuse_unfinished_deploy() {
  [ ! -f "$DEPLOY_UNFINISHED" ] || [ -z "$(docker compose ps --all --quiet app 2>/dev/null)" ] ||
    die "Refused: a deploy was interrupted ($(describe_unfinished)). Nothing was changed. Finish it by make deploy, or go back by make rollback."
}

unfinished() { sed -n "s/^$1=//p" "$DEPLOY_UNFINISHED" 2>/dev/null; }

describe_unfinished() { printf 'from %s to %s' "$(unfinished FROM)" "$(unfinished TO)"; }

lock_deploys() {
  mkdir -p "$DEPLOYS"
  if ! ln -s "$$" "$DEPLOY_LOCK" 2>/dev/null; then
    refuse_during_deploy "$@"
    # Left by one that was killed. Of two who find it so, one moves it away.
    mv "$DEPLOY_LOCK" "$DEPLOY_LOCK.$$" 2>/dev/null || :
    rm -f "$DEPLOY_LOCK.$$"
    ln -s "$$" "$DEPLOY_LOCK" 2>/dev/null || refuse_during_deploy "$@"
  fi
}

unlock_deploys() { [ "$(readlink "$DEPLOY_LOCK")" != "$$" ] || rm -f "$DEPLOY_LOCK"; }
