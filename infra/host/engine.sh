#!/usr/bin/env bash
# Docker Engine with Compose v2, if none is there. One that answers is left alone; one that is installed but stopped is
# started; on Debian 12 and 13 as root one is installed, after saying so. `engine.sh check` changes nothing: it only
# prints why that could not work.
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Engine 25 brought the start interval of health checks, Compose 2.24 COMPOSE_ENV_FILES. The tests raise them.
MIN_ENGINE=${SV_MIN_ENGINE:-25.0}
MIN_COMPOSE=${SV_MIN_COMPOSE:-2.24}
PACKAGES='docker.io docker-cli docker-compose docker-buildx iptables'
# Bookworm's own Docker is 20.10, so it takes trixie's packages; 100 keeps everything else of trixie out.
TRIXIE_SOURCE=/etc/apt/sources.list.d/sv-sdk-trixie.sources
TRIXIE_PIN=/etc/apt/preferences.d/sv-sdk-trixie
DAEMON_JSON=/etc/docker/daemon.json
DAEMON_DEFAULTS='{ "log-driver": "json-file", "log-opts": { "max-size": "10m", "max-file": "5" } }'
DAEMON_LOG=/var/log/dockerd.log

answers() { docker info >/dev/null 2>&1; }

# Prints what an installation would run; `make up` says it before it does it, and a person without root copies it.
installation() {
  local mirror=$1
  if [ "$(host_os)" = debian-12 ]; then
    cat <<PLAN
printf 'Types: deb\nURIs: $mirror\nSuites: trixie\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' > $TRIXIE_SOURCE
printf 'Package: *\nPin: release n=trixie\nPin-Priority: 100\n' > $TRIXIE_PIN
PLAN
  fi
  [ -e "$DAEMON_JSON" ] || cat <<PLAN
mkdir -p ${DAEMON_JSON%/*}
printf '%s\n' '$DAEMON_DEFAULTS' > $DAEMON_JSON
PLAN
  echo 'apt-get update -qq'
  if [ "$(host_os)" = debian-12 ]; then
    # shellcheck disable=SC2086
    echo "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends$(printf ' %s/trixie' ${PACKAGES% iptables}) iptables"
  else
    echo "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $PACKAGES"
  fi
}

# Ends with what to do where no engine can be had by this script.
check_installable() {
  if command -v dockerd >/dev/null; then
    is_root || die "Docker Engine is installed but does not answer $(id -un). Start it as root (systemctl start docker), and be in the group docker (usermod -aG docker $(id -un), then log in anew)."
    return
  fi
  case "$(host_os)" in
    debian-12 | debian-13) ;;
    macos) die 'No Docker Engine answers. Start Docker Desktop, OrbStack or Colima (or install one of them), then try again.' ;;
    *) die "No Docker Engine answers. Install Docker Engine >= $MIN_ENGINE with the Compose plugin >= $MIN_COMPOSE as your distribution describes (only Debian 12 and 13 are installed by this script), then try again." ;;
  esac
  mirror=$(debian_mirror)
  [ -n "$mirror" ] || die 'No Docker Engine answers, and apt names no mirror for this Debian release: check /etc/apt/sources.list*.'
  is_root || die "No Docker Engine answers. Run these as root, then try again:

$(installation "$mirror")
usermod -aG docker $(id -un)   # then log in anew"
}

install_engine() {
  local plan
  plan=$(installation "$mirror")
  say 'No Docker Engine here. Installing it from Debian, by:'
  printf '%s\n' "$plan" | sed 's/^/     /'
  bash -euo pipefail -c "$plan" >"$BUILD_DIR/engine-install.log" 2>&1 || {
    tail -n 20 "$BUILD_DIR/engine-install.log" >&2
    die 'The installation failed; the whole log is .build/engine-install.log'
  }
}

# A killed engine leaves its pid files behind, and after a restart of the machine the numbers may be those of other
# processes: dockerd would then believe that it runs already.
forget_dead_engine() {
  local file
  for file in /var/run/docker.pid /var/run/docker/containerd/containerd.pid; do
    [ -f "$file" ] || continue
    case "$(cat "/proc/$(cat "$file")/comm" 2>/dev/null)" in dockerd | containerd) ;; *) rm -f "$file" ;; esac
  done
}

start_engine() {
  local waited=0
  if [ -d /run/systemd/system ]; then
    say 'Starting Docker Engine (systemctl enable --now docker)'
    systemctl enable --now docker >/dev/null
  else
    say "Starting Docker Engine (no systemd here: setsid dockerd, log in $DAEMON_LOG)"
    forget_dead_engine
    setsid dockerd >"$DAEMON_LOG" 2>&1 </dev/null &
  fi
  until answers; do
    waited=$((waited + 1))
    [ "$waited" -le 120 ] || die "Docker Engine did not answer within 30 s of its start; see $DAEMON_LOG or 'journalctl -u docker'."
    sleep 0.25
  done
}

check_versions() {
  local engine compose
  engine=$(docker version --format '{{.Server.Version}}')
  at_least "$engine" "$MIN_ENGINE" || die "Docker Engine $engine is too old: $MIN_ENGINE or later is needed."
  compose=$(docker compose version --short 2>/dev/null) || die "Docker Compose is missing: install the Compose plugin $MIN_COMPOSE or later (Debian: docker-compose from trixie)."
  at_least "${compose#v}" "$MIN_COMPOSE" || die "Docker Compose $compose is too old: $MIN_COMPOSE or later is needed."
  say "Docker Engine $engine, Compose ${compose#v}"
}

# The scaling guide types `docker-compose`; Debian's package and Docker's own bring only the plugin.
link_hyphenated_compose() {
  local plugin
  if command -v docker-compose >/dev/null || ! is_root; then return; fi
  for plugin in /usr/libexec/docker/cli-plugins /usr/lib/docker/cli-plugins /usr/local/lib/docker/cli-plugins; do
    [ -x "$plugin/docker-compose" ] || continue
    ln -s "$plugin/docker-compose" /usr/local/bin/docker-compose
    say 'Linked /usr/local/bin/docker-compose to the Compose plugin'
    return
  done
}

if [ "${1-}" = check ]; then
  if answers; then check_versions >/dev/null; else check_installable; fi
  exit 0
fi

mkdir -p "$BUILD_DIR"
if ! answers; then
  check_installable
  command -v dockerd >/dev/null || install_engine
  # The packages' own scripts may have started it.
  answers || start_engine
fi
check_versions
link_hyphenated_compose
