# shellcheck shell=bash
# Sourced by every script here: where the project is, which stack is meant, and how to talk to the person.
# Bash 3.2 (macOS) is enough for all of it.
set -euo pipefail

SV_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck disable=SC2034 # for the scripts that source this
HOST_DIR=$SV_ROOT/infra/host BUILD_DIR=$SV_ROOT/.build
cd "$SV_ROOT"
# What others give out (mail providers, who is told of alerts, an S3 server, the CAs of servers elsewhere): made empty, which counts as unset, for a
# person to fill. One line, as names are looked up in it.
# shellcheck disable=SC2034 # for settings.sh and preflight.sh
OPTIONAL_SECRETS="smtp_password aws_secret_access_key brevo_api_key brevo_webhook_token sendgrid_api_key \
alert_slack_url alert_pagerduty_key alert_webhook_url backup_s3_secret backup_s3_ca database_ca redis_ca acme_ca"

if [ -t 1 ]; then
  BOLD=$(printf '\033[1m') RED=$(printf '\033[31m') PLAIN=$(printf '\033[0m')
else
  BOLD='' RED='' PLAIN=''
fi

say() { printf '   %s\n' "$*"; }
step() { printf '%s%s%s\n' "$BOLD" "$*" "$PLAIN"; }

# One message on stderr, then the end.
die() {
  printf '%s%s%s\n' "$RED" "$*" "$PLAIN" >&2
  exit 1
}

# Asks for the project's name, unless YES=1: confirm "make restore"
confirm() {
  local answer
  [ "${YES-}" != 1 ] || return 0
  [ -t 0 ] || die "Nobody is here to ask: YES=1 $1."
  printf '   Type %s to go on: ' "$COMPOSE_PROJECT_NAME"
  read -r answer
  [ "$answer" = "$COMPOSE_PROJECT_NAME" ] || die 'Nothing was changed.'
}

# A container of a service for one command, gone after it; mostly of the command line: run_once sdk config check
run_once() { docker compose --progress quiet --profile tools run --rm --no-deps -T "$@"; }

# Does this stack keep anything? Not by `| grep -q`, which may end before Docker has written all: a failed pipe, so "no".
has_data() { [ -n "$(docker volume ls -q --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" 2>/dev/null)" ]; }

is_root() { [ "$(id -u)" -eq 0 ]; }

# debian-12, debian-13, linux (another one) or macos.
host_os() {
  case "$(uname -s)" in
    Darwin) echo macos ;;
    Linux)
      # Read in a subshell: os-release sets a dozen variables.
      # shellcheck disable=SC1091
      (
        ID='' VERSION_ID=''
        [ ! -r /etc/os-release ] || . /etc/os-release
        case "$ID-$VERSION_ID" in debian-12 | debian-13) echo "debian-$VERSION_ID" ;; *) echo linux ;; esac
      )
      ;;
    *) echo unknown ;;
  esac
}

# The mirror that this host's apt uses for its own release. It is passed on as a build secret and written to no file of
# the project. Security and third-party sources have another release name, so they do not match. Without
# --no-release-info a host that never ran `apt-get update` would name none.
debian_mirror() {
  # shellcheck disable=SC1091,SC2016
  apt-get indextargets --no-release-info --format '$(RELEASE) $(SITE)' 'Created-By: Packages' 2>/dev/null |
    awk -v release="$(. /etc/os-release && echo "$VERSION_CODENAME")" '$1 == release { print $2; exit }'
}

# The value of a setting: the environment wins over the settings file, as in Compose; before there is one, the example's
# values count, as it is made from them. setting NAME [DEFAULT]
setting() {
  local value file=$SV_ENV_FILE
  eval "value=\${$1-}"
  [ -f "$file" ] || file=.env.example
  if [ -z "$value" ]; then
    value=$(awk -v name="$1" 'index($0, name "=") == 1 { v = substr($0, length(name) + 2) } END { print v }' "$file")
    value=${value%$'\r'}
    case "$value" in \"*\" | \'*\') value=${value#?} value=${value%?} ;; esac
  fi
  printf '%s' "${value:-${2-}}"
}

# The line NAME=value of a file, changed in its place, or added: put_setting FILE NAME VALUE
put_setting() {
  [ -f "$1" ] || return 0
  # First for its mode.
  cp -p "$1" "$1.new"
  awk -v name="$2" -v value="$3" '
    index($0, name "=") == 1 { print name "=" value; found = 1; next }
    { print }
    END { if (!found) print name "=" value }' "$1" >"$1.new"
  mv "$1.new" "$1"
}

# A secret that may be empty: one of a Redis elsewhere, which may have no password. may_be_empty NAME
may_be_empty() {
  case "$1" in
    redis_password) [ -n "$(setting REDIS_URL)" ] ;;
    redis_queue_password) [ -n "$(setting REDIS_QUEUE_URL)" ] ;;
    *) case " $OPTIONAL_SECRETS " in *" $1 "*) ;; *) return 1 ;; esac ;;
  esac
}

# Whether the world reaches this stack by its domain (docker-compose.prod.yml), or is to.
is_production() {
  [ "${ENV-}" = production ] && return
  case ":$(setting COMPOSE_FILE docker-compose.yml):" in *:docker-compose.prod.yml:*) ;; *) return 1 ;; esac
}

# Version a.b is at least c.d: at_least 26.1.5 24.0
at_least() {
  awk -v have="$1" -v want="$2" 'BEGIN {
    split(have, h, /[^0-9]+/); split(want, w, /[^0-9]+/)
    exit !(h[1] + 0 > w[1] + 0 || (h[1] + 0 == w[1] + 0 && h[2] + 0 >= w[2] + 0))
  }'
}

# Which stack: a second one (the end-to-end tests) brings its own project name, settings and secrets.
use_settings() {
  COMPOSE_PROJECT_NAME=$(setting COMPOSE_PROJECT_NAME sv-sdk)
  export COMPOSE_PROJECT_NAME
  # Compose reads `.env` by itself only where nothing else is named, and a missing file would be an error.
  [ ! -f "$SV_ENV_FILE" ] || export COMPOSE_ENV_FILES="$SV_ENV_FILE"
}

export SV_ENV_FILE="${SV_ENV_FILE:-.env}" SECRETS_DIR="${SECRETS_DIR:-./secrets}"
# Same input, same image id: attestations carry the time of the build.
export BUILDX_NO_DEFAULT_ATTESTATIONS=1
use_settings
