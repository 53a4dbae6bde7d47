#!/usr/bin/env bash
# The bases of our images: the pinned official ones where a registry answers, ours from Debian's packages where none does.
# Writes .build/images.env (BASE_* for the compose build) and the build secrets beside it.
# IMAGES=registry|debian forces one; auto, the default, keeps last time's choice, and asks the registry the first time.
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=infra/host/bundled.sh
. "$HOST_DIR/bundled.sh"

PROBE_TENTHS=20
DEBIAN_SUITE=forky
ROOTFS_IMAGE=sv-sdk/debian-base:$DEBIAN_SUITE
DOCKERFILE=infra/images/debian.Dockerfile
CHOICE=$BUILD_DIR/images.env

# Both sets have the same major versions, so that a volume made by one opens in the other.
REGISTRY_BASES='BASE_NODE=node:24.21.0-trixie-slim
BASE_NODE_BUILD=node:24.21.0-trixie-slim
BASE_POSTGRES=postgres:18.6-trixie
BASE_PGBOUNCER=edoburu/pgbouncer:v1.25.2-p0
BASE_REDIS=redis:8.0.6
BASE_NGINX=nginx:1.30.6
BASE_ACME=certbot/certbot:v5.8.0
BASE_PROMETHEUS=prom/prometheus:v3.5.3
BASE_ALERTMANAGER=prom/alertmanager:v0.33.1
BASE_POSTGRES_EXPORTER=prometheuscommunity/postgres-exporter:v0.19.1
BASE_REDIS_EXPORTER=oliver006/redis_exporter:v1.86.0-alpine
BASE_PGBOUNCER_EXPORTER=prometheuscommunity/pgbouncer-exporter:v0.12.0
BASE_NGINX_EXPORTER=nginx/nginx-prometheus-exporter:1.5.1
BASE_NODE_EXPORTER=prom/node-exporter:v1.11.1'
DEBIAN_BASES='BASE_NODE=sv-sdk/base-node:24
BASE_NODE_BUILD=sv-sdk/base-node-build:24
BASE_POSTGRES=sv-sdk/base-postgres:18
BASE_PGBOUNCER=sv-sdk/base-pgbouncer:1
BASE_REDIS=sv-sdk/base-redis:8
BASE_NGINX=sv-sdk/base-nginx:1.30
BASE_ACME=sv-sdk/base-acme:1
BASE_PROMETHEUS=sv-sdk/base-prometheus:3
BASE_ALERTMANAGER=sv-sdk/base-alertmanager:0
BASE_POSTGRES_EXPORTER=sv-sdk/base-exporters:1
BASE_REDIS_EXPORTER=sv-sdk/base-exporters:1
BASE_PGBOUNCER_EXPORTER=sv-sdk/base-exporters:1
BASE_NGINX_EXPORTER=sv-sdk/base-exporters:1
BASE_NODE_EXPORTER=sv-sdk/base-exporters:1'

# The image names of a list of BASE_* lines, each once.
names_of() { printf '%s\n' "$1" | cut -d= -f2 | sort -u; }

# shellcheck disable=SC2046
all_here() { docker image inspect $(names_of "$1") >/dev/null 2>&1; }

can_build_debian() { command -v apt-get >/dev/null && is_root; }

# Asks through the engine, as only the engine knows its mirrors. "Pulling from" comes after the registry has handed out
# the manifest; the pull itself is then stopped. No GNU timeout here: macOS has none.
registry_answers() {
  local answer=$BUILD_DIR/registry-probe.log pid tenths=0 found=1
  : >"$answer"
  docker pull "$(printf '%s\n' "$REGISTRY_BASES" | sed -n 's/^BASE_PGBOUNCER=//p')" >"$answer" 2>&1 &
  pid=$!
  while [ "$tenths" -lt "$PROBE_TENTHS" ] && [ "$found" -ne 0 ]; do
    if grep -q 'Pulling from' "$answer"; then found=0; break; fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
    tenths=$((tenths + 1))
  done
  # It may have ended between the two looks.
  if grep -q 'Pulling from' "$answer"; then found=0; fi
  kill "$pid" 2>/dev/null || :
  wait "$pid" 2>/dev/null || :
  rm -f "$answer"
  return "$found"
}

# registry or debian, and why, in $mode and $reason.
choose() {
  local wanted last=''
  wanted=$(setting IMAGES auto)
  [ ! -f "$CHOICE" ] || last=$(sed -n 's/^SV_IMAGES=//p' "$CHOICE")
  case "$wanted" in
    registry | debian) mode=$wanted reason="IMAGES=$wanted" ;;
    auto)
      # A running stack must not change its bases because a registry comes or goes.
      if [ "$last" = registry ] && all_here "$REGISTRY_BASES"; then
        mode=registry reason='as last time'
      elif [ "$last" = debian ] && all_here "$DEBIAN_BASES"; then
        mode=debian reason='as last time'
      elif registry_answers; then
        mode=registry reason='a registry answers'
      else
        mode=debian reason='no registry answers'
      fi
      ;;
    *) die "IMAGES=$wanted: registry, debian or auto is expected." ;;
  esac
  if [ "$mode" = debian ] && ! can_build_debian && ! all_here "$DEBIAN_BASES"; then
    die "Bases from Debian's packages ($reason) need a Debian host and root. Run 'sudo make up' there, or make a registry reachable and set IMAGES=registry."
  fi
}

# A build secret that changes only when its content does. Reads stdin: private_file NAME
private_file() {
  (umask 077 && cat >"$BUILD_DIR/$1.new")
  if cmp -s "$BUILD_DIR/$1.new" "$BUILD_DIR/$1"; then rm "$BUILD_DIR/$1.new"; else mv "$BUILD_DIR/$1.new" "$BUILD_DIR/$1"; fi
}

# What npm and apt inside a build need of this host: its extra certificate authorities, its mirrors. All may be empty.
write_build_secrets() {
  local file mirror=''
  for file in /usr/local/share/ca-certificates/*.crt /etc/pki/ca-trust/source/anchors/*.crt /etc/pki/ca-trust/source/anchors/*.pem; do
    [ ! -f "$file" ] || { cat "$file"; echo; }
  done | private_file host-ca.pem
  # npm's own order: the person's file before the machine's.
  for file in "${HOME:-/}/.npmrc" /etc/npmrc /usr/etc/npmrc /usr/local/etc/npmrc; do
    [ ! -f "$file" ] || sed -n 's/^[[:space:]]*registry[[:space:]]*=/registry=/p' "$file"
  done | head -n 1 | private_file npmrc
  # The official bases have sources of their own; only ours need the host's.
  if [ "$mode" = debian ] && command -v apt-get >/dev/null; then
    mirror=$(debian_mirror)
    [ -n "$mirror" ] || die "apt names no mirror for this Debian release: check /etc/apt/sources.list*."
    printf 'deb %s %s main\n' "$mirror" "$DEBIAN_SUITE"
  fi | private_file apt-sources.list
}

# Options for apt inside a build, as the host's own apt has them.
apt_options() {
  local valid_until='' options=''
  if [ "$mode" = debian ] && command -v apt-config >/dev/null; then
    eval "$(apt-config shell valid_until Acquire::Check-Valid-Until)"
    case "$valid_until" in false | no | 0) options='-o Acquire::Check-Valid-Until=false' ;; esac
    if grep -q '^deb https:' "$BUILD_DIR/apt-sources.list" && [ -s "$BUILD_DIR/host-ca.pem" ]; then
      options="$options -o Acquire::https::CAInfo=/run/host-ca.pem"
    fi
  fi
  printf '%s' "${options# }"
}

# A minimal Debian as an image, from the host's mirror; its own sources.list is left blank.
make_rootfs() {
  local dir mirror
  mirror=$(awk '{ print $2 }' "$BUILD_DIR/apt-sources.list")
  if ! command -v debootstrap >/dev/null; then
    say 'Installing debootstrap'
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends debootstrap; } \
      >"$BUILD_DIR/debootstrap-install.log" 2>&1 || die "debootstrap can't be installed: see .build/debootstrap-install.log"
  fi
  say "Making $ROOTFS_IMAGE (debootstrap, about half a minute)"
  dir=$(mktemp -d)
  # The mirror's log and the half-made tree go either way.
  # shellcheck disable=SC2064
  trap "rm -rf '$dir'" EXIT
  debootstrap --variant=minbase --include=ca-certificates "$DEBIAN_SUITE" "$dir" "$mirror" /usr/share/debootstrap/scripts/sid \
    >"$BUILD_DIR/debootstrap.log" 2>&1 || {
    tail -n 5 "$BUILD_DIR/debootstrap.log" >&2
    die "debootstrap failed; the whole log is .build/debootstrap.log"
  }
  : >"$dir/etc/apt/sources.list"
  rm -rf "$dir"/var/lib/apt/lists/* "$dir"/var/cache/apt/archives/*.deb "$dir"/var/log/*.log \
    "$dir"/usr/share/doc/* "$dir"/usr/share/man/* "$dir"/usr/share/locale/*
  tar -C "$dir" -c . | docker import - "$ROOTFS_IMAGE" >/dev/null
  rm -rf "$dir"
  trap - EXIT
}

# One bake for all targets, so that they share their stages and run side by side.
bake_definition() {
  local name target
  names_of "$DEBIAN_BASES" | while read -r name; do
    target=${name#sv-sdk/base-}
    target=${target%:*}
    cat <<HCL
target "$target" {
  context    = "infra/images"
  dockerfile = "debian.Dockerfile"
  target     = "$target"
  tags       = ["$name"]
  labels     = { "sv-sdk.recipe" = "$1" }
  args       = { APT_OPTIONS = "$2", LISTS_DAY = "$(date -u +%F)" }
  secret = [
    "id=apt_sources,src=.build/apt-sources.list",
    "id=host_ca,src=.build/host-ca.pem",
    "id=npmrc,src=.build/npmrc",
  ]
}
HCL
  done
  names_of "$DEBIAN_BASES" | sed 's,^sv-sdk/base-\(.*\):.*,"\1",' | paste -s -d, - | sed 's/.*/group "default" { targets = [&] }/'
}

# Built once for a recipe: a rebuild would bring newer packages, and with them a restart of everything.
build_debian_bases() {
  local recipe labels
  recipe=$(cat "$DOCKERFILE" infra/images/node/package-lock.json | cksum | cut -d" " -f1)
  # shellcheck disable=SC2046
  labels=$(docker image inspect --format '{{index .Config.Labels "sv-sdk.recipe"}}' $(names_of "$DEBIAN_BASES") 2>/dev/null | sort -u) || labels=''
  if [ "$labels" = "$recipe" ]; then return; fi
  can_build_debian || die "The bases' recipe changed: run 'sudo make up' on a Debian host, or set IMAGES=registry."
  docker buildx version >/dev/null 2>&1 || die "Docker's buildx plugin is missing: apt-get install docker-buildx (bookworm: from trixie)."
  docker image inspect "$ROOTFS_IMAGE" >/dev/null 2>&1 || make_rootfs
  say "Building the bases from Debian's packages (log: .build/bases.log)"
  bake_definition "$recipe" "$(apt_options)" | docker buildx bake --progress plain -f - >"$BUILD_DIR/bases.log" 2>&1 || {
    tail -n 20 "$BUILD_DIR/bases.log" >&2
    die "Building the bases failed; the whole log is .build/bases.log"
  }
}

pull_registry_bases() {
  local name
  for name in $(names_of "$REGISTRY_BASES"); do
    docker image inspect "$name" >/dev/null 2>&1 && continue
    say "Pulling $name"
    docker pull -q "$name" >/dev/null || die "$name can't be pulled. On a Debian host IMAGES=debian builds the bases without a registry."
  done
}

mkdir -p "$BUILD_DIR"
if is_bundle; then
  printf 'SV_IMAGES=bundle\n' | private_file images.env
  say 'Bases: none are needed, the images are in the bundle'
  exit 0
fi
choose
if [ "$mode" = registry ]; then
  bases=$REGISTRY_BASES
  pull_registry_bases
  write_build_secrets
else
  bases=$DEBIAN_BASES
  write_build_secrets
  build_debian_bases
fi
printf 'SV_IMAGES=%s\n%s\nAPT_OPTIONS=%s\n' "$mode" "$bases" "$(apt_options)" | private_file images.env
say "Bases: $mode ($reason)"
