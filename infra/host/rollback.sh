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

# Tags of the platform's images that are complete.
versions_here() {
  docker image ls --format '{{.Tag}}' sv-sdk/platform | grep -vx '<none>' |
    while read -r version; do if has_images "$version"; then echo "$version"; fi; done | xargs
}

printf 'Nothing changed yet:\n'
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
if [ -n "$release" ] && [ "$release" != "$(release_of_stack)" ]; then
  stamp_release "$release"
  say "The stack is of release $release again: check that out (make up refuses until then), or make upgrade."
fi
