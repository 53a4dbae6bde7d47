#!/usr/bin/env bash
# `make support`: one archive for somebody who helps: versions, settings, state, logs and metrics, without secrets and personal
# data. TAIL=2000 lines of each container's log, TO=folder says where it goes. What can't be had (nothing runs, say) is left
# out, and the archive says why. docs/operations/support.md
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=infra/host/database.sh
. "$HOST_DIR/database.sh"
# shellcheck source=infra/host/releases.sh
. "$HOST_DIR/releases.sh"
# shellcheck source=infra/host/leaks.sh
. "$HOST_DIR/leaks.sh"

image=sv-sdk/sdk:$(setting PLATFORM_VERSION "$(setting SV_VERSION dev)")
docker image inspect "$image" >/dev/null 2>&1 || die "Refused: $image is not here, which takes the secrets out. Start the stack first: make up."
to=${TO:-.}
[ -d "$to" ] || die "TO=$to: a folder that is there is expected."
name=support-$COMPOSE_PROJECT_NAME-$(date -u +%Y%m%dT%H%M%SZ)
work=$BUILD_DIR/$name
umask 077
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"
secrets=$(cd "$SECRETS_DIR" && pwd)

# Takes secrets and personal data out of its input: as the folder's owner, as nobody else may read it.
mask() {
  docker run --rm --interactive --init --network none --read-only --cap-drop ALL --log-driver none \
    --security-opt no-new-privileges --memory 256m --pids-limit 50 --user "$(id -u):$(id -g)" \
    --volume "$secrets:/secrets:ro" "$image" support mask --secrets /secrets
}

# What a command says, masked, in a file of the archive; that it failed as well: collect FILE COMMAND…
collect() {
  local file=$work/$1
  shift
  { "$@" 2>&1 || echo "($* ended with $?)"; } | mask >"$file"
  say "${file##*/}"
}

versions() {
  echo "release $(release_of_stack), checkout $(release_of_checkout) $(git describe --tags --always --dirty 2>/dev/null || echo 'without git')"
  docker version --format 'engine {{.Server.Version}} {{.Server.Os}}/{{.Server.Arch}}'
  echo "compose $(docker compose version --short)"
  uname -srm
  docker compose --profile '*' images
}

host() {
  uptime
  docker info --format '{{.NCPU}} CPUs, {{.MemTotal}} bytes of memory, {{.Driver}}, cgroup {{.CgroupVersion}}'
  df -h
  docker system df
  [ ! -r /proc/pressure/cpu ] || head /proc/pressure/cpu /proc/pressure/memory /proc/pressure/io
}

# That a secret is there, and how old and long it is; never what it is.
list_secrets() { (cd "$secrets" && ls -lARn); }

state() {
  docker compose --profile '*' ps --all --format 'table {{.Name}}\t{{.Status}}\t{{.Image}}'
  docker stats --no-stream --format 'table {{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.PIDs}}' |
    sed -n "1p; /^$COMPOSE_PROJECT_NAME-/p"
  look_at_nodes
  show_nodes
}

sdk() { run_once sdk "$@" </dev/null; }

own_logs() {
  local log
  for log in "$BUILD_DIR"/*.log "$BUILD_DIR/deploy-$COMPOSE_PROJECT_NAME/log"; do
    [ ! -f "$log" ] || { printf '==> %s\n' "${log#"$SV_ROOT/"}"; tail -n 200 "$log"; }
  done
}

step "Collecting into $name"
collect versions.txt versions
collect host.txt host
collect settings.txt cat "$SV_ENV_FILE"
collect secrets.txt list_secrets
collect compose.txt docker compose --profile '*' config
collect state.txt state
collect health.txt sdk health
collect doctor.txt sdk doctor
collect database.txt sdk db status
collect metrics.jsonl sdk support metrics
collect logs.txt docker compose --profile '*' logs --no-color --timestamps --tail "${TAIL:-2000}"
collect own-logs.txt own_logs

step 'Looking for what must not be in it'
refuse_leaks "$work" "$secrets"
tar -czf "$to/$name.tar.gz" -C "$BUILD_DIR" "$name"
printf '\n%s%s (%d KiB).%s Look through it before you hand it on: tar -xzOf %s | less\n' "$BOLD" "$to/$name.tar.gz" \
  "$(($(wc -c <"$to/$name.tar.gz") / 1024))" "$PLAIN" "$to/$name.tar.gz"
