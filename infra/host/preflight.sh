#!/usr/bin/env bash
# Everything that would stop `make up`, found before anything is changed, and listed together.
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=infra/host/subnet.sh
. "$HOST_DIR/subnet.sh"
# shellcheck source=infra/host/bundled.sh
. "$HOST_DIR/bundled.sh"

# A first build needs about 5 GiB with its cache; later ones little. The stack idles at 1.5 GiB. The tests raise them.
MIN_DISK_GIB=${SV_MIN_DISK_GIB:-}
MIN_MEMORY_GIB=${SV_MIN_MEMORY_GIB:-3}
PORTS='HTTP_PORT:3000 PROMETHEUS_PORT:9090 ALERTMANAGER_PORT:9093 GRAFANA_PORT:3001 MAILDEV_PORT:1080'
! is_production || PORTS="$PORTS PUBLIC_HTTP_PORT:80 PUBLIC_HTTPS_PORT:443"

faults=''
fault() { faults="$faults
 - $*"; }

check_host() {
  local problem
  case "$(host_os)" in
    unknown) fault "This host ($(uname -s)) is not supported: Linux or macOS is expected (on Windows, WSL 2)." ;;
    *) problem=$("$HOST_DIR/engine.sh" check 2>&1) || fault "$problem" ;;
  esac
}

# The file's form. What its values must be is checked below, wherever they come from.
check_env_file() {
  local line
  [ -f "$SV_ENV_FILE" ] || return 0
  while IFS= read -r line; do fault "$line"; done < <(awk -v file="$SV_ENV_FILE" '
    { sub(/\r$/, "") }
    /^[[:space:]]*(#|$)/ { next }
    !/^[A-Za-z_][A-Za-z0-9_]*=/ { printf "%s line %d: NAME=value is expected (no space before the =, no export).\n", file, NR; next }
    { name = substr($0, 1, index($0, "=") - 1) }
    name in seen { printf "%s line %d: %s is set already in line %d; keep one.\n", file, NR, name, seen[name]; next }
    { seen[name] = NR }' "$SV_ENV_FILE")
}

is_number() { case "$1" in '' | *[!0-9]* | ??????*) return 1 ;; esac; }

check_instances() {
  local name count
  for name in APP_INSTANCES WORKER_INSTANCES; do
    count=$(setting "$name" 2)
    if ! is_number "$count" || [ "$count" -lt 1 ]; then fault "$name=$count: a whole number from 1 is expected."; fi
  done
}

# Who listens on a port: one of our own containers does not count, as it is (re)started in place.
is_taken() {
  [ -z "$(docker ps --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" --filter "publish=$2" -q 2>/dev/null)" ] &&
    (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null
}

check_ports() {
  local entry name port bind owner seen=' '
  for entry in $PORTS; do
    name=${entry%%:*}
    port=$(setting "$name" "${entry#*:}")
    if ! is_number "$port" || [ "$port" -lt 1 ] || [ "$port" -gt 65535 ]; then
      fault "$name=$port: a port from 1 to 65535 is expected."
      continue
    fi
    case "$seen" in
      *" $port="*) owner=${seen#*" $port="} && fault "$name=$port is also ${owner%% *}: give each its own port." && continue ;;
    esac
    seen="$seen$port=$name "
    bind=127.0.0.1
    if [ "$name" = HTTP_PORT ]; then
      bind=$(setting HTTP_BIND 127.0.0.1)
      [ "$bind" != 0.0.0.0 ] || bind=127.0.0.1
    fi
    if is_taken "$bind" "$port"; then
      owner=$(docker ps --filter "publish=$port" --format '{{.Names}}' 2>/dev/null | head -n 1) || owner=''
      fault "Port $port is taken${owner:+ by the container $owner}: stop what listens there, or set $name to a free port in $SV_ENV_FILE."
    fi
  done
}

check_subnet() {
  local prefix overlap
  [ -f "$SV_ENV_FILE" ] || return 0
  prefix=$(setting BALANCER_PREFIX)
  if ! printf '%s\n' "$prefix" | grep -Eq '^((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(\.|$)){3}$' || [ "${prefix%.}" != "$prefix" ]; then
    fault "BALANCER_PREFIX=$prefix: the first three numbers of an IPv4 subnet are expected, such as 172.16.251."
  elif overlap=$(subnets_in_use | overlapping "$prefix.$RANGE"); then
    fault "BALANCER_PREFIX=$prefix: $prefix.$RANGE overlaps $overlap, which this host uses; choose another in $SV_ENV_FILE."
  fi
}

# What is needed to ask for a certificate; whether the settings are fit for the world is packages/config's to say.
check_production() {
  case "${ENV-}" in
    # A path is some shells' own: the file that they read at their start.
    '' | production | */*) ;;
    *) fault "ENV=$ENV: production is expected, or nothing." ;;
  esac
  is_production || return 0
  printf '%s\n' "$(setting DOMAIN)" | grep -Eq '^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?$' ||
    fault "DOMAIN=$(setting DOMAIN): the name under which the world reaches this machine is expected, in lower case: make up ENV=production DOMAIN=api.example.org ACME_EMAIL=you@example.org"
  case "$(setting ACME_EMAIL)" in
    ?*@?*.?*) ;;
    *) fault "ACME_EMAIL=$(setting ACME_EMAIL): the address is expected that the certificate's authority may write to." ;;
  esac
}

check_choice() {
  case "$(setting IMAGES auto)" in
    registry | debian | auto) ;;
    *) fault "IMAGES=$(setting IMAGES): registry, debian or auto is expected." ;;
  esac
  case "${PHASE-}" in
    '' | [1-4]) ;;
    *) fault "PHASE=$PHASE: 1, 2 or 3 is expected (4 says what it needs)." ;;
  esac
  case "$(setting SYNC_REPLICATION off)" in
    on | off) ;;
    *) fault "SYNC_REPLICATION=$(setting SYNC_REPLICATION): on or off is expected." ;;
  esac
}

check_secrets() {
  local file
  for file in "$SECRETS_DIR"/*; do
    ! may_be_empty "${file##*/}" || continue
    if [ -e "$file" ] && [ ! -s "$file" ]; then
      fault "The secret $file is empty: put its value back; or, if no data depends on it, delete the file and a new one is made."
    fi
  done
  # New passwords would not open the old data.
  if [ ! -e "$SECRETS_DIR/postgres_password" ] && has_data; then
    fault "$SECRETS_DIR/postgres_password is missing, but this stack has data: put the secrets back, or wipe the data by 'make reset'."
  fi
}

# As infra/alertmanager/entrypoint.sh asks for it, before anything is started.
check_alert_receivers() {
  local setting name secret
  for setting in ALERT_RECEIVERS ALERT_INFO_RECEIVERS; do
    for name in $(setting "$setting" | tr , ' '); do
      case $name in
        email) continue ;;
        slack) secret=alert_slack_url ;;
        pagerduty) secret=alert_pagerduty_key ;;
        webhook) secret=alert_webhook_url ;;
        *)
          fault "$setting=$(setting "$setting"): email, slack, pagerduty and webhook are known, \"$name\" is not."
          continue
          ;;
      esac
      [ -s "$SECRETS_DIR/$secret" ] || fault "$setting names $name: put its address or key into $SECRETS_DIR/$secret."
    done
  done
}

# A new key would open none of the old backups.
check_backups() {
  if [ -e "$SECRETS_DIR/postgres_password" ] && [ ! -e "$SECRETS_DIR/backup_encryption_key" ] &&
    docker volume inspect "${COMPOSE_PROJECT_NAME}_postgres-backups" >/dev/null 2>&1; then
    fault "$SECRETS_DIR/backup_encryption_key is missing, but there are backups: put it back; or, to give them up, docker volume rm ${COMPOSE_PROJECT_NAME}_postgres-backups after 'make down'."
  fi
  case "$(setting BACKUP_REPOSITORY volume):$(setting COMPOSE_FILE docker-compose.yml)" in
    s3:*docker-compose.backup-s3.yml*) ;;
    s3:*) fault "BACKUP_REPOSITORY=s3: Postgres reaches an S3 server only with COMPOSE_FILE=docker-compose.yml:docker-compose.backup-s3.yml in $SV_ENV_FILE." ;;
  esac
}

check_bundle() {
  local damaged
  if ! is_bundle || is_bundle_loaded; then return 0; fi
  damaged=$(damaged_files | sed -n 1,5p | xargs)
  [ -z "$damaged" ] || fault "The bundle is damaged ($damaged): check the file by its .sha256, copy it again if need be, and unpack it anew."
}

check_disk() {
  local dir free_kib min_gib=$MIN_DISK_GIB
  if [ -z "$min_gib" ]; then
    if docker image inspect "sv-sdk/platform:${SV_VERSION:-dev}" >/dev/null 2>&1; then min_gib=2; else min_gib=10; fi
  fi
  # On macOS the engine's folder is inside its own machine; there the project's disk is what can be seen.
  dir=$(docker info --format '{{.DockerRootDir}}' 2>/dev/null) || dir=/var/lib/docker
  while [ ! -d "$dir" ]; do dir=$(dirname "$dir"); done
  free_kib=$(df -Pk "$dir" | awk 'NR == 2 { print $4 }')
  [ "$free_kib" -ge $((min_gib * 1048576)) ] || fault "Too little disk: $((free_kib / 1048576)) GiB free on $dir, $min_gib GiB needed."
}

# The engine's machine counts (on macOS a virtual one). One sold as 3 GiB shows some 5 % less: the kernel keeps that.
check_memory() {
  local kib
  if kib=$(docker info --format '{{.MemTotal}}' 2>/dev/null); then
    kib=$((kib / 1024))
  elif [ -r /proc/meminfo ]; then
    kib=$(awk '/^MemTotal:/ { print $2 }' /proc/meminfo)
  else
    return 0
  fi
  [ "$kib" -ge $((MIN_MEMORY_GIB * 1048576 * 95 / 100)) ] || fault "Too little memory: $((kib / 1024)) MiB, $MIN_MEMORY_GIB GiB needed."
}

check_host
check_env_file
check_production
check_choice
check_instances
check_ports
check_subnet
check_secrets
check_alert_receivers
check_backups
check_bundle
check_disk
check_memory

[ -z "$faults" ] || die "Nothing was changed, as this would not work:$faults"
say 'Host, settings, ports, disk and memory are fine'
