# shellcheck shell=bash
# shellcheck disable=SC2046 # names of services, which are several words
# shellcheck disable=SC2154 # major_from, major_to: of upgrade.sh
# Sourced by upgrade.sh and rollback.sh: the data of one major version of Postgres becomes that of the next by pg_upgrade, and
# back. It is copied, so that the old data stays whole whatever happens; the API answers 503 meanwhile. docs/adr/0058
# Needs: DEPLOYS, nodes.sh, database.sh, versions.sh

# The way back, once there is one: POINT, RELEASE and VERSION as of a restore point, MOMENT, PRIMARY, and MAJOR and IMAGE of
# the server of then.
MAJOR_BEFORE=$DEPLOYS/postgres-before
before() { sed -n "s/^$1=//p" "$MAJOR_BEFORE" 2>/dev/null || :; }

major_of_checkout() { sed -n 's/^ENV PG_MAJOR=//p' infra/postgres/Dockerfile; }
major_of_server() { ask_server "$1" "select current_setting('server_version_num')::int / 10000"; }
standbys_of() { postgres_services | grep -vx "$1" | xargs; }

# A step on the volumes of a stopped node, by an image of Postgres: on_volumes TAG SERVICE PROGRAM [-e NAME=VALUE] STEP…
on_volumes() {
  local tag=$1 service=$2 program=$3 options=()
  shift 3
  if [ "$1" = -e ]; then options=(-e "$2") && shift 2; fi
  SV_VERSION=$tag docker compose --progress quiet run --rm --no-deps -T ${options[@]+"${options[@]}"} --entrypoint "$program" "$service" "$@" </dev/null
}

# Images of the old server, for the way back, and of both servers in one: build_servers PRIMARY. In $old_image and $both_image.
build_servers() {
  old_image=before-$VERSION both_image=upgrade-$VERSION
  docker tag "$(docker inspect --format '{{.Image}}' "$(docker compose ps --all --quiet "$1")")" "sv-sdk/postgres:$old_image"
  SV_VERSION=$VERSION PLATFORM_VERSION=$VERSION SV_DEPLOY=1 "$HOST_DIR/build.sh" stack
  docker build --quiet --file infra/postgres/major-upgrade.Dockerfile --build-arg "OLD=sv-sdk/postgres:$old_image" \
    --build-arg "NEW=sv-sdk/postgres:$VERSION" --tag "sv-sdk/postgres:$both_image" infra/postgres >/dev/null ||
    die "The image with Postgres $major_from and $major_to could not be built. Nothing was changed."
  forget_other_images "$VERSION"
}

# What would be in the way once the stack is stopped is found while it serves: check_major PRIMARY
check_major() {
  local id bytes free copies needed odd
  # A standby's data is dropped for a new copy, so it must have nothing of its own.
  look_at_nodes
  odd=$(printf '%s\n' "$nodes" | awk '$3 != "primary" && !($3 == "standby" && $7 == "streaming") { print $1 }' | xargs)
  [ -z "$odd" ] || die "Refused: $odd does not stream from $1. Nothing was changed. Bring it back first: make rejoin, or make up."
  build_servers "$1"
  id=$(docker compose ps --quiet "$1")
  read -r bytes free <<<"$(docker run --rm --network none --volumes-from "$id" --entrypoint major-upgrade.sh "sv-sdk/postgres:$both_image" bytes "$major_from" </dev/null)"
  # A copy of its own for every node, and a tenth.
  copies=$(postgres_services | wc -l)
  needed=$((bytes * copies * 11 / 10))
  [ "$free" -gt "$needed" ] ||
    die "Refused: Postgres $major_to needs $((needed / 1048576)) MiB for its copies of the data on $((copies)) nodes, and $((free / 1048576)) MiB are free. Nothing was changed. Free some (make prune), or go by a dump: docs/operations/upgrade.md."
  docker run --rm --network none --pid "container:$id" --volumes-from "$id" --entrypoint major-upgrade.sh \
    "sv-sdk/postgres:$both_image" check "$major_from" </dev/null ||
    die "Refused: pg_upgrade can't take the data as it is (above). Nothing was changed."
  say "pg_upgrade has nothing against the data: $((bytes / 1048576)) MiB of Postgres $major_from"
}

# From who depends to who is depended on; nginx stays, and answers 503: stop_all PRIMARY
stop_all() {
  # An app ends what it has, for which it needs the database.
  docker compose --progress quiet stop app worker
  docker compose --progress quiet stop pgbouncer $(standbys_of "$1")
  docker compose --progress quiet stop "$1"
}

# Of a step that was interrupted: its container would work on with the data. No two servers may have one directory.
end_steps() {
  docker ps --all --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" --filter label=com.docker.compose.oneoff=True |
    while read -r id; do
      case "$(docker inspect --format '{{index .Config.Labels "com.docker.compose.service"}}' "$id")" in
        postgres*) docker rm --force "$id" >/dev/null ;;
      esac
    done
}

# The containers that were stopped, as they were made: start_again PRIMARY
start_again() {
  end_steps
  docker compose --progress quiet up -d --no-build --no-recreate --no-deps --wait --wait-timeout 300 \
    --scale "app=$(($(docker compose ps --all --quiet app | wc -l)))" --scale "worker=$(($(docker compose ps --all --quiet worker | wc -l)))" \
    "$1" $(standbys_of "$1") pgbouncer app worker
}

# Of the stopped stack. Up to its end the old data is what is live: upgrade_data PRIMARY
upgrade_data() {
  local service
  on_volumes "$both_image" "$1" major-upgrade.sh prepare "$major_from" || return 1
  on_volumes "$both_image" "$1" major-upgrade.sh commit "$major_from" || return 1
  # They copy the new primary, and would keep the old data for nobody.
  for service in $(standbys_of "$1"); do on_volumes "$both_image" "$service" major-upgrade.sh drop "$major_from"; done
}

# The data, the server and the version of before an upgrade; what was written since is lost. Each step may be run again.
restore_major() {
  local primary image both service
  end_steps
  primary=$(before PRIMARY) image=$(before IMAGE) both=$(before BOTH)
  stop_all "$primary"
  if [ "$(on_volumes "$both" "$primary" major-upgrade.sh state)" = upgraded ]; then
    on_volumes "$image" "$primary" backup-restore.sh -e "RESTORE_TO=$(before MOMENT)" undo
  fi
  for service in $(standbys_of "$primary"); do on_volumes "$both" "$service" major-upgrade.sh drop "$(before MAJOR)"; done
  docker tag "sv-sdk/postgres:$image" "sv-sdk/postgres:$(setting SV_VERSION dev)"
}
