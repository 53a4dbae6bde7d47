#!/usr/bin/env bash
# `make restore-drill`: proves that the backups restore. A scratch container on a scratch volume restores to a point that
# was named on the primary a moment before, and must hold the same rows. The live stack gives the point and the checksums
# (a read of all tables), and is not touched otherwise.
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=infra/host/nodes.sh
. "$HOST_DIR/nodes.sh"

EXPECTED=$BUILD_DIR/drill-$COMPOSE_PROJECT_NAME.expected
NAME=drill-$(date -u +%Y%m%dT%H%M%SZ)-$$

# What this or an interrupted rehearsal has left: the container, and with it its scratch volume.
clean_up() {
  local container
  for container in $(docker ps -aq --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" \
    --filter label=com.docker.compose.service=restore-drill); do
    docker rm --force --volumes "$container" >/dev/null
  done
  rm -f "$EXPECTED"
}

primary=$(running_primary) || die "No primary answers: there is nothing to compare with. Run 'make up' first."
clean_up
trap clean_up EXIT
mkdir -p "$BUILD_DIR"
step "A rehearsal: restore $NAME of $primary into a scratch container"
(umask 077 && docker compose exec -T "$primary" backup-expect.sh "$NAME" </dev/null >"$EXPECTED")
say "$(($(wc -l <"$EXPECTED"))) tables of the primary are counted and summed up"
# The newest backup that was there then.
set=$(docker compose exec -T "$primary" pgbackrest --output=text info </dev/null | awk '/ backup: / { label = $3 } END { print label }')
[ -n "$set" ] || die "There is no backup yet: run 'make backup' first."
result=failed
if docker compose --progress quiet run --rm -T restore-drill "$NAME" "$set" <"$EXPECTED"; then result=passed; fi
docker compose exec -T "$primary" backup-status.sh --drilled "$result" </dev/null ||
  say 'The result could not be written down for the metrics.'
[ "$result" = passed ] || die 'The rehearsal failed: these backups would not bring everything back. See docs/runbooks/restore-drill-failed.md.'
