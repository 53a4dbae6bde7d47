#!/usr/bin/env bash
# `make prune`: what takes room on the disk and is of no use any more. Only says what it would do; YES=1 does it. Nothing that
# runs, that make rollback can lead back to, or that retention says is kept is among it. docs/operations/limits.md
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=infra/host/deploy-lock.sh
. "$HOST_DIR/deploy-lock.sh"
# shellcheck source=infra/host/versions.sh
. "$HOST_DIR/versions.sh"
# shellcheck source=infra/host/nodes.sh
. "$HOST_DIR/nodes.sh"

# An image that is built again meanwhile is built from this.
CACHE_KEPT_HOURS=168
does() { [ "${YES-}" = 1 ]; }

# Of this project alone: others' images on this host are others' business, and may be what their make rollback leads to.
images_of_project() { docker image ls --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" "$@"; }

# Versions of the platform that no container has, and to which no rollback leads.
old_versions() {
  local tag
  for tag in $(images_of_project --format '{{.Tag}}' sv-sdk/platform | grep -vx '<none>'); do
    if grep -qsxF -- "$tag" "$BUILD_DIR"/deploy-*/versions || [ "$tag" = "$(setting SV_VERSION dev)" ] ||
      [ "$tag" = "$(setting PLATFORM_VERSION)" ] || [ -n "$(docker ps --all --quiet --filter "ancestor=sv-sdk/platform:$tag")" ]; then
      continue
    fi
    echo "$tag"
  done
}

prune_versions() {
  local version
  step 'Images of versions that are of no use any more'
  for version in $(old_versions); do
    say "sv-sdk/platform:$version, sv-sdk/sdk:$version"
    ! does || docker image rm "sv-sdk/platform:$version" "sv-sdk/sdk:$version" >/dev/null || say "  it stays (above)"
  done
}

# Of upgrades to another major version of Postgres, to before which no rollback leads.
prune_servers() {
  local image
  step 'Images of servers of before that are of no use any more'
  for image in $(images_of_project --format '{{.Tag}}' sv-sdk/postgres | grep -E '^(before|upgrade)-'); do
    if grep -qsxE "(IMAGE|BOTH)=$image" "$BUILD_DIR"/deploy-*/postgres-before; then continue; fi
    say "sv-sdk/postgres:$image"
    ! does || docker image rm "sv-sdk/postgres:$image" >/dev/null || say "  it stays (above)"
  done
}

prune_untagged() {
  local images
  images=$(images_of_project --quiet --filter dangling=true | sort -u)
  step 'Images of this project without a name'
  say "$(printf '%s' "$images" | grep -c . || :) of them"
  # shellcheck disable=SC2086
  if does && [ -n "$images" ]; then docker image rm $images >/dev/null || say '  some stay (above)'; fi
}

# Of the engine, so of every project on this host: it costs them time, nothing else.
prune_cache() {
  step "Build cache that nobody used for $((CACHE_KEPT_HOURS / 24)) days"
  if does; then
    docker builder prune --force --filter "until=${CACHE_KEPT_HOURS}h" | tail -n 1 | sed 's/^/   /'
  else
    docker system df --format '{{.Type}}: {{.Size}} in all, {{.Reclaimable}} not in use' | sed -n 's/^Build Cache/   all of it/p'
  fi
}

# pgBackRest does so itself after each backup; here for who has shortened the retention.
prune_backups() {
  local primary dry=--dry-run
  step "Backups beyond BACKUP_RETENTION_DAYS=$(setting BACKUP_RETENTION_DAYS 14)"
  if [ "$(setting BACKUP_REPOSITORY volume)" = off ] || ! primary=$(running_primary); then
    say 'none can be looked at: backups are off, or no primary answers'
    return
  fi
  ! does || dry=''
  docker compose exec -T "$primary" pgbackrest --log-level-console=info ${dry:+"$dry"} expire </dev/null |
    sed -n 's/.*INFO: \(\[DRY-RUN\] \)\{0,1\}repo1: \(expire .*\|.* remove .*\)/   \2/p'
}

# Logical dumps (`sdk db backup`). The newest stays, however old it is. They belong to the container's user.
prune_dumps() {
  local folder days old
  folder=$(setting BACKUP_DIR ./backups)/dumps days=$(setting BACKUP_RETENTION_DAYS 14)
  step "Dumps in $folder older than $days days"
  [ -d "$folder" ] || return 0
  folder=$(cd "$folder" && pwd)
  old=$(find "$folder" -maxdepth 1 -type f -name 'sv-*.dump' | sort | sed '$d' | while read -r dump; do
    find "$dump" -mtime "+$days"
  done)
  printf '%s\n' "$old" | sed '/^$/d; s/^/   /'
  does && [ -n "$old" ] || return 0
  printf '%s\n' "$old" | docker run --rm --interactive --network none --volume "$folder:$folder" --entrypoint sh \
    "sv-sdk/sdk:$(setting PLATFORM_VERSION "$(setting SV_VERSION dev)")" -c 'while IFS= read -r dump; do rm -- "$dump"; done'
}

# May be worth more than the room: only a person knows.
tell_copies() {
  local primary kib
  primary=$(running_primary) || return 0
  kib=$(docker compose exec -T "$primary" sh -c 'du -skc "${PGDATA%/*/*}"/*/*.before-restore-* 2>/dev/null | tail -n 1 | cut -f 1' </dev/null) || kib=0
  [ "${kib:-0}" -eq 0 ] || say "Data from before a restore, or another version of Postgres: $((kib / 1024)) MiB. It stays; make restore FORGET=1 deletes it."
}

refuse_during_deploy make prune
prune_versions
prune_servers
prune_untagged
prune_cache
prune_backups
prune_dumps
tell_copies
does || printf '\nNothing was removed. To remove it: YES=1 make prune\n'
