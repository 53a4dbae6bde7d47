#!/usr/bin/env bash
# `make upgrade`: the stack becomes what the checkout's release is, and no request fails. Looks first, and tells what it will do
# (DRY_RUN=1 stops there); then a backup, a named restore point, new settings and secrets, and a deploy. Whatever goes wrong,
# the old version serves on with its settings. A new major version of Postgres is the last step. make rollback DATA=1 brings the data back, too. Interrupted at any point, it
# can be run again. NO_BACKUP=1 goes on without a backup. docs/operations/upgrade.md
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=infra/host/deploy-lock.sh
. "$HOST_DIR/deploy-lock.sh"
# shellcheck source=infra/host/versions.sh
. "$HOST_DIR/versions.sh"
# shellcheck source=infra/host/nodes.sh
. "$HOST_DIR/nodes.sh"
# shellcheck source=infra/host/database.sh
. "$HOST_DIR/database.sh"
# shellcheck source=infra/host/releases.sh
. "$HOST_DIR/releases.sh"
# shellcheck source=infra/host/restore-points.sh
. "$HOST_DIR/restore-points.sh"
# shellcheck source=infra/host/postgres-major.sh
. "$HOST_DIR/postgres-major.sh"

number=0
next() {
  number=$((number + 1))
  step "$number. $*"
}

# What an upgrade that was interrupted was about, and the settings from before it.
UPGRADE=$DEPLOYS/upgrade
SETTINGS_BEFORE=$DEPLOYS/settings-before-upgrade
upgrading() { sed -n "s/^$1=//p" "$UPGRADE" 2>/dev/null || :; }

# Names that the example has and the settings have not.
new_settings() {
  awk -F = '/^[A-Z][A-Z0-9_]*=/ { if (FNR == NR) has[$1] = 1; else if (!($1 in has)) print $1 }' "$SV_ENV_FILE" .env.example
}

# With the comment above each; what is there is not touched. Whole or not at all.
merge_settings() {
  cp -p "$SV_ENV_FILE" "$SV_ENV_FILE.new"
  awk -F = '
    FNR == NR { if (/^[A-Z][A-Z0-9_]*=/) has[$1] = 1; next }
    /^#/ { comment = comment $0 "\n"; next }
    /^[A-Z][A-Z0-9_]*=/ { if (!($1 in has)) printf "\n%s%s\n", comment, $0 }
    { comment = "" }' "$SV_ENV_FILE" .env.example >>"$SV_ENV_FILE.new"
  mv "$SV_ENV_FILE.new" "$SV_ENV_FILE"
}

is_elsewhere() { [ -n "$(setting DATABASE_URL)$(setting DATABASE_DIRECT_URL)" ]; }

# Another major version can't read the data directory of this one (postgres-major.sh). In $primary, $major_from and $major_to.
check_postgres() {
  if is_elsewhere; then return 0; fi
  if ! primary=$(running_primary); then
    [ -n "$(upgrading PRIMARY)" ] || die "Refused: no primary answers. Nothing was changed. Start the stack first: make up."
    primary=$(upgrading PRIMARY)
    end_steps
    if [ "$(on_volumes "$(upgrading BOTH)" "$primary" major-upgrade.sh state)" = upgraded ]; then
      on_volumes "$(upgrading BOTH)" "$primary" major-upgrade.sh commit "$(before MAJOR)"
      finish_major
      end_upgrade
      exit 0
    fi
    say 'It was interrupted with the stack stopped; starting that again'
    start_again "$primary"
  fi
  major_from=$(major_of_server "$primary") || die "Refused: $primary does not say which Postgres it is. Nothing was changed. make ps, make logs SERVICE=$primary."
  major_to=$(major_of_checkout)
  [ "$major_from" -le "$major_to" ] ||
    die "Refused: the data is of Postgres $major_from, and this release has $major_to. Nothing was changed. Back to what was before an upgrade: make rollback DATA=1."
}

is_new_major() { [ "$major_from" != "$major_to" ]; }

check_backup() {
  if [ "${NO_BACKUP-}" = 1 ]; then
    say 'NO_BACKUP=1: going on without a backup; there will be no way back for the data'
  elif is_elsewhere; then
    die "Refused: the database is elsewhere, and is not backed up here. Nothing was changed. Make a snapshot there, then: NO_BACKUP=1 make upgrade."
  elif [ "$(setting BACKUP_REPOSITORY volume)" = off ]; then
    die "Refused: backups are off (BACKUP_REPOSITORY=off). Nothing was changed. Switch them on, or go on without: NO_BACKUP=1 make upgrade."
  fi
}

# As before, unless the deploy was done: it goes back by itself.
put_settings_back() {
  local code=$?
  trap - EXIT
  if [ -n "$is_changing" ]; then
    trap '' INT TERM HUP
    if [ -n "$is_stopped" ]; then
      rm -f "$MAJOR_BEFORE"
      unlock_deploys
      say 'Starting what was stopped'
      start_again "$primary" || :
    fi
    [ -z "$is_deployed" ] || DATA='' TO=$version_before "$HOST_DIR/rollback.sh" || :
    mv "$SETTINGS_BEFORE" "$SV_ENV_FILE"
    rm -f "$UPGRADE"
    printf '%sNot upgraded: %s and its settings serve on. Run it again once the cause (above) is gone.%s\n' "$RED" "$from" "$PLAIN" >&2
    [ -z "$point" ] || printf 'The data from before it, should you need them: make rollback DATA=1 POINT=%s\n' "$point" >&2
    [ "$code" -ne 0 ] || code=1
  fi
  exit "$code"
}

# With the data of the new major version in its place: from here on only forward, again and again.
finish_major() {
  "$HOST_DIR/build.sh" stack
  SV_PREPARED=1 SV_RESTORING=1 "$HOST_DIR/up.sh" ||
    die "The data is Postgres $(major_of_checkout)'s, and the stack is not healthy (above). Once that is mended: make upgrade. Back, with the data of before: make rollback DATA=1"
  if [ "$(setting BACKUP_REPOSITORY volume)" != off ]; then TYPE=full "$HOST_DIR/backup.sh"; fi
}

upgrade_major() {
  # A way back has a name, also where there is no restore point.
  local name=${point:-before-$to-$(date -u +%Y%m%dT%H%M%SZ)} moment stopped
  printf '%s=%s\n' PRIMARY "$primary" BOTH "$both_image" >>"$UPGRADE"
  moment=$(ask_server "$primary" 'select clock_timestamp()')
  printf '%s=%s\n' POINT "$name" RELEASE "$from" VERSION "$version_before" MOMENT "$moment" PRIMARY "$primary" \
    MAJOR "$major_from" IMAGE "$old_image" BOTH "$both_image" >"$MAJOR_BEFORE"
  lock_deploys make upgrade
  is_stopped=yes stopped=$SECONDS
  stop_all "$primary"
  upgrade_data "$primary" || die "Postgres $major_from did not become $major_to (above)."
  # Earlier ones are of data that this server can't restore.
  keep_restore_point "$name"
  is_changing='' is_stopped=''
  unlock_deploys
  say "Postgres $major_to has the data, after $((SECONDS - stopped)) s; starting"
  finish_major
}

end_upgrade() {
  is_changing=''
  stamp_release "$to"
  rm -f "$UPGRADE" "$SETTINGS_BEFORE"
  printf '\n%sUpgraded from %s to %s in %d s.%s Back: make rollback%s\n' "$BOLD" "$from" "$to" "$SECONDS" "$PLAIN" \
    "${point:+; with the data of before: make rollback DATA=1 POINT=$point}"
}

from=$(release_of_stack) to=$(release_of_checkout) point='' is_changing='' is_deployed='' is_stopped='' major_from='' major_to=''
mkdir -p "$DEPLOYS"

printf 'Nothing changed yet:\n'
next "See whether a way leads from $from to $to"
refuse_during_deploy make upgrade
[ -f "$SV_ENV_FILE" ] || die 'Refused: there is no stack yet. Nothing was changed. Start it: make up.'
if [ -n "$(upgrading TO)" ]; then
  [ "$(upgrading TO)" = "$to" ] || die "Refused: an upgrade to $(upgrading TO) was interrupted. Nothing was changed. Check that release out, and make upgrade."
  say "An upgrade from $(upgrading FROM) was interrupted; this one goes on"
  from=$(upgrading FROM) point=$(upgrading POINT)
fi
problem=$(why_no_way "$from" "$to")
[ -z "$problem" ] || die "Refused: $problem. Nothing was changed."
if [ "$from" = "$to" ]; then
  say "This stack is of $to already. make deploy replaces it by another version of the same release."
  exit 0
fi
check_postgres
check_backup
# shellcheck disable=SC2031 # common.sh reads os-release in a subshell
VERSION=${VERSION:-$(version_of_checkout)}
export VERSION
running=$(docker compose ps --quiet app | sed -n 1p)
[ -n "$running" ] || die 'Refused: no app runs. Nothing was changed. Start the stack with the release that it is of: make up.'
version_before=$(upgrading VERSION)
# Of an upgrade that was interrupted, the new one may run already.
[ -n "$version_before" ] || version_before=$(docker inspect --format '{{.Config.Image}}' "$running" | sed 's/.*://')

if [ "${SV_PREPARED-}" != 1 ]; then
  next 'Bases of the new images'
  "$HOST_DIR/images.sh"
fi
next "What make deploy would do"
DRY_RUN=1 "$HOST_DIR/deploy.sh"
if is_new_major; then
  next "Whether Postgres $major_from can become $major_to"
  check_major "$primary"
fi

next 'What this will do'
say "From release $from ($version_before) to $to ($VERSION):"
[ "${NO_BACKUP-}" = 1 ] || say "  a backup, and a restore point with a name"
say "  new settings in $SV_ENV_FILE: $(new_settings | xargs | sed 's/^$/none/')"
say "  migrations and instances as above, one instance after another"
if is_new_major; then say "  Postgres $major_from becomes $major_to: the stack is stopped, and the API answers 503, while its data is copied"; fi
say "  back: make rollback; with the data of now: make rollback DATA=1"
if [ "${DRY_RUN-}" = 1 ]; then
  say 'DRY_RUN=1: nothing was changed.'
  exit 0
fi

printf 'From here on it changes things:\n'
if [ "${NO_BACKUP-}" != 1 ] && [ -z "$point" ]; then
  next 'Backup'
  "$HOST_DIR/backup.sh"
  next 'Restore point'
  point=before-$to-$(date -u +%Y%m%dT%H%M%SZ)
  name_restore_point "$point" "$from" "$version_before" || die 'The restore point could not be made. Nothing but a backup was.'
  say "$point"
fi
next 'Settings and secrets'
[ -n "$(upgrading TO)" ] || cp -p "$SV_ENV_FILE" "$SETTINGS_BEFORE"
printf '%s=%s\n' FROM "$from" TO "$to" POINT "$point" VERSION "$version_before" >"$UPGRADE"
is_changing=yes
trap put_settings_back EXIT
trap 'exit 130' INT TERM HUP
merge_settings
"$HOST_DIR/settings.sh"
next 'Deploy'
"$HOST_DIR/deploy.sh"
if is_new_major; then
  is_deployed=yes
  next "Postgres $major_from becomes $major_to"
  upgrade_major
fi
end_upgrade
