#!/usr/bin/env bash
# `.env` once, from .env.example, and every secret once. What is there already is never changed.
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=infra/host/subnet.sh
. "$HOST_DIR/subnet.sh"
# shellcheck source=infra/host/secrets.sh
. "$HOST_DIR/secrets.sh"

# A range that overlaps nothing here. 172.16.0.0/16 and 10.0.0.0/8 are not among the pools from which Docker serves itself.
free_balancer_prefix() {
  local taken start third
  # A second stack leaves the first one's subnet alone, running or not.
  taken=$(subnets_in_use; [ ! -f .env ] || sed -n "s,^BALANCER_PREFIX=\(.*\),\1.$RANGE,p" .env)
  for start in 172.16 10.251; do
    for third in $(seq 251 -1 200); do
      if ! printf '%s\n' "$taken" | overlapping "$start.$third.$RANGE" >/dev/null; then
        printf '%s' "$start.$third"
        return
      fi
    done
  done
  die 'No free subnet was found for BALANCER_PREFIX: name one yourself, e.g. BALANCER_PREFIX=10.99.99 make up.'
}

# A setting that the environment holds at this first time goes into the file, so that plain `docker compose` agrees later.
make_env_file() {
  local line name value
  # shellcheck disable=SC2034 # read by its name, below
  BALANCER_PREFIX=${BALANCER_PREFIX:-$(free_balancer_prefix)}
  mkdir -p "$(dirname "$SV_ENV_FILE")"
  while IFS= read -r line; do
    case "$line" in
      [A-Z]*=*)
        name=${line%%=*}
        eval "value=\${$name-}"
        [ -z "$value" ] || line="$name=$value"
        ;;
    esac
    printf '%s\n' "$line"
  done <.env.example >"$SV_ENV_FILE.new"
  mv "$SV_ENV_FILE.new" "$SV_ENV_FILE"
  say "Made $SV_ENV_FILE from .env.example"
}

# Whole or not at all, and never over an existing one. Readable for the containers' users; the folder is the person's.
make_secrets() {
  local name made=0 empty=''
  (umask 077 && mkdir -p "$SECRETS_DIR")
  # In production others may have read what is open: that is told (packages/config/src/production-rules.ts), not covered up.
  is_production || chmod 0700 "$SECRETS_DIR"
  for name in $SECRETS; do
    if [ -e "$SECRETS_DIR/$name" ]; then
      [ -s "$SECRETS_DIR/$name" ] || may_be_empty "$name" || empty="$empty $SECRETS_DIR/$name"
      continue
    fi
    new_secret "$name" >"$SECRETS_DIR/.new"
    chmod 0444 "$SECRETS_DIR/.new"
    mv "$SECRETS_DIR/.new" "$SECRETS_DIR/$name"
    made=$((made + 1))
  done
  [ -z "$empty" ] || die "Empty secrets:$empty. Put the value back; or, if no data depends on it, delete the file and a new one is made."
  for name in $OPTIONAL_SECRETS; do
    [ -e "$SECRETS_DIR/$name" ] || (umask 0022 && : >"$SECRETS_DIR/$name")
  done
  [ "$made" -eq 0 ] || say "Made $made secrets in $SECRETS_DIR"
}

tell_interrupted_rotation() {
  local file
  for file in "$SECRETS_DIR"/.next-*; do
    case "$file" in *'*' | *.part) ;; *) say "A rotation was interrupted: make rotate SECRET=${file##*/.next-} goes on with it" ;; esac
  done
}

# Where `sdk db backup` puts its dumps. The container's user writes there, nobody else on the host gets that far.
make_backup_folder() {
  local folder
  folder=$(setting BACKUP_DIR ./backups)
  [ ! -d "$folder/dumps" ] || return 0
  (umask 077 && mkdir -p "$folder")
  mkdir -p "$folder/dumps"
  chmod 1777 "$folder/dumps"
}

if [ -f "$SV_ENV_FILE" ]; then say "$SV_ENV_FILE is left as it is"; else make_env_file; fi
make_secrets
tell_interrupted_rotation
make_backup_folder
