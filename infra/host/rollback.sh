#!/usr/bin/env bash
# `make rollback`: back to the version before, by the same way as a deploy and without a failed request. Its images are
# still there; the schema stays, as every migration that a deploy lets through is one that the version before lives with.
# TO=1.3.0 chooses another version whose images are here. DATA=1 also brings the database back to the restore point that make
# upgrade has named (POINT=name chooses); what was written since is lost. Asks; YES=1 does not.
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=infra/host/deploy-lock.sh
. "$HOST_DIR/deploy-lock.sh"
# shellcheck source=infra/host/rolling.sh
. "$HOST_DIR/rolling.sh"
# shellcheck source=infra/host/versions.sh
. "$HOST_DIR/versions.sh"
# shellcheck source=infra/host/releases.sh
. "$HOST_DIR/releases.sh"
# shellcheck source=infra/host/restore-points.sh
. "$HOST_DIR/restore-points.sh"
# shellcheck source=infra/host/nodes.sh
. "$HOST_DIR/nodes.sh"
# shellcheck source=infra/host/database.sh
. "$HOST_DIR/database.sh"
# shellcheck source=infra/host/postgres-major.sh
. "$HOST_DIR/postgres-major.sh"

# Tags of the platform's images that are complete.
versions_here() {
  docker image ls --format '{{.Tag}}' sv-sdk/platform | grep -vx '<none>' |
    while read -r version; do if has_images "$version"; then echo "$version"; fi; done | xargs
}

# The point from before another major version of Postgres, whose server can't restore it: its data was kept as it was.
is_before_major() {
  local last
  last=$(restore_points | awk '{ last = $1 } END { print last }')
  [ -f "$MAJOR_BEFORE" ] && [ "${POINT:-${last:-$(before POINT)}}" = "$(before POINT)" ]
}

# All at once, with a break, as the upgrade was; so it needs nothing that runs.
roll_back_major() {
  to=$(before VERSION)
  has_images "$to" || die "Refused: the images of $to are not here any more. Nothing was changed."
  docker image inspect "sv-sdk/postgres:$(before IMAGE)" >/dev/null 2>&1 ||
    die "Refused: the image of Postgres $(before MAJOR), sv-sdk/postgres:$(before IMAGE), is not here any more. Nothing was changed."
  on_volumes "$(before BOTH)" "$(before PRIMARY)" major-upgrade.sh kept "$(before MAJOR)" ||
    die "Refused: the data of Postgres $(before MAJOR) is not kept any more (make restore FORGET=1 deletes it). Nothing was changed."
  say "$(before POINT): $to, Postgres $(before MAJOR), and the data of $(before MOMENT). What was written since is lost."
  say 'The API answers 503 meanwhile. Everybody has to sign in again; the email queue stays paused until you resume it.'
  confirm 'make rollback DATA=1'
  printf 'From here on it changes things:\n'
  lock_deploys make rollback
  trap unlock_deploys EXIT
  next 'Pause the email queue'
  run_once sdk email pause --no-record </dev/null || die 'The email queue could not be paused, so emails might go out twice. Nothing was changed.'
  next "Data and server of Postgres $(before MAJOR)"
  restore_major
  write_version "$to"
  stamp_release "$(before RELEASE)"
  unlock_deploys
  next 'Start'
  SV_PREPARED=1 SV_RESTORING=1 PLATFORM_VERSION=$to "$HOST_DIR/up.sh"
  remember_rollback "$(running_version)" "$to"
  if [ "$(setting BACKUP_REPOSITORY volume)" != off ]; then TYPE=full "$HOST_DIR/backup.sh"; fi
  say "The stack is of release $(before RELEASE) again: check that out (make up refuses until then), or make upgrade."
  say "The email queue is paused. Look at what may go out a second time (docs/operations/backups.md), then: make sdk ARGS=\"email resume\""
  rm -f "$MAJOR_BEFORE" "$DEPLOYS/upgrade" "$DEPLOYS/settings-before-upgrade"
}

printf 'Nothing changed yet:\n'
if [ "${DATA-}" = 1 ] && is_before_major; then
  next 'Find the data from before'
  roll_back_major
  exit 0
fi
moment=''
if [ "${DATA-}" = 1 ]; then
  next 'Find the restore point'
  read -r point _ TO moment <<<"$(restore_point "${POINT-}")"
  [ -n "$moment" ] || die "Refused: no restore point${POINT:+ $POINT} is known here. Nothing was changed. Known: $(restore_point_names | sed 's/^$/none/'). To any moment: make restore TO=…"
  say "$point: $TO, and the data of $moment. What was written since is lost."
fi
next 'See what runs, and what ran before'
look_at_what_runs "${TO-}"
[ -n "$from" ] || die 'Refused: no app runs, so there is nothing to replace. Nothing was changed. Start the stack: make up.'
if [ -n "${TO-}" ]; then to=$TO; elif [ -n "$interrupted_from" ]; then to=$interrupted_from; else to=$(version_before "$from"); fi
[ -n "$to" ] || die "Refused: no version before $from is known here. Nothing was changed. Images are here of: $(versions_here). Choose one: make rollback TO=…"
check_version_name "$to"
has_images "$to" || die "Refused: the images of $to are not here any more. Nothing was changed. Images are here of: $(versions_here). Choose one: make rollback TO=…"
say "$apps apps and $workers workers of $from; back to $to"
export PLATFORM_VERSION=$to

next 'Check the settings, as that version reads them'
run_once sdk config check --connect ||
  die "Refused. Nothing was changed. Mend the settings above in $SV_ENV_FILE or $SECRETS_DIR: they are not rolled back."
check_nginx

[ -z "$moment" ] || confirm 'make rollback DATA=1'
printf 'From here on it changes things:\n'
begin_change
replace_all
end_change
remember_rollback "${interrupted_from:-$from}" "$to"
outdated=''
summary "Rolled back to $to"
if [ -n "$moment" ]; then
  # Its last step is make up, which refuses while this is at work.
  unlock_deploys
  TO=$moment YES=1 "$HOST_DIR/restore.sh"
fi
# Of another release: `make up` of this checkout would bring the newer one back all at once.
release=$(release_of_version "$to")
if [ -f "$MAJOR_BEFORE" ]; then
  say "The data stays that of Postgres $(major_of_checkout), so the checkout stays the one of this release. With the data of before: make rollback DATA=1"
elif [ -n "$release" ] && [ "$release" != "$(release_of_stack)" ]; then
  stamp_release "$release"
  say "The stack is of release $release again: check that out (make up refuses until then), or make upgrade."
fi
