#!/usr/bin/env bash
# `make deploy`: the checkout's version, or changed settings, in place of what runs, one instance after another and without
# a failed request. Whatever goes wrong, the old version serves on and the settings are as they were. Interrupted at any
# point, it can be run again. VERSION=1.4.0 names the version; else git does. DRY_RUN=1 stops before anything is changed.
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=infra/host/deploy-lock.sh
. "$HOST_DIR/deploy-lock.sh"
# shellcheck source=infra/host/rolling.sh
. "$HOST_DIR/rolling.sh"
# shellcheck source=infra/host/versions.sh
. "$HOST_DIR/versions.sh"

# shellcheck disable=SC2031 # common.sh reads os-release in a subshell
to=${VERSION:-$(version_of_checkout)}
check_version_name "$to"
[ "$to" != "$(setting SV_VERSION dev)" ] || die "VERSION=$to: that is SV_VERSION, the tag of the images that a deploy leaves alone. Choose another name."

# A name stands for the same images for ever, or a rollback would not lead back. keep_names BEFORE
keep_names() {
  local now
  now=$(docker image inspect --format '{{.Id}}' "sv-sdk/platform:$to")
  if [ -n "$1" ] && [ "$1" != "$now" ] && { [ "$to" = "$from" ] || grep -qxF -- "$to" "$VERSIONS" 2>/dev/null; }; then
    docker tag "$1" "sv-sdk/platform:$to"
    die "Refused: $to is the name of a version that was deployed, and the checkout is another one by now. Nothing was changed. Choose another name: make deploy VERSION=…"
  fi
}

# Services whose images (not of the platform) the checkout would build anew; their new images go again.
other_images() {
  local service image id
  docker ps --no-trunc --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" --filter label=com.docker.compose.oneoff=False \
    --format '{{.Label "com.docker.compose.service"}} {{.Image}} {{.ID}}' | sort -u |
    while read -r service image id; do
      image=${image%%:*}
      case "$image" in sv-sdk/platform | sv-sdk/sdk) continue ;; sv-sdk/*) ;; *) continue ;; esac
      [ "$(docker image inspect --format '{{.Id}}' "$image:$to" 2>/dev/null)" = "$(docker inspect --format '{{.Image}}' "$id")" ] || echo "$service"
    done
  forget_other_images "$to"
}

printf 'Nothing changed yet:\n'
next 'See what runs'
look_at_what_runs "$to"
[ -n "$from" ] || die 'Refused: no app runs, so there is nothing to replace. Nothing was changed. Start the stack: make up.'
say "$apps apps and $workers workers of $from"

next "Build $to"
before=$(docker image inspect --format '{{.Id}}' "sv-sdk/platform:$to" 2>/dev/null) || before=''
SV_VERSION=$to PLATFORM_VERSION=$to "$HOST_DIR/build.sh" stack
keep_names "$before"
outdated=$(other_images | sort -u | xargs)
export PLATFORM_VERSION=$to

next 'Check settings, connections, migrations and nginx'
run_once sdk config check --connect || die "Refused. Nothing was changed. Mend the settings above in $SV_ENV_FILE or $SECRETS_DIR."
check_connections
migrations=$(run_once sdk db check) || die "$migrations
Refused: sdk db check ended with $?. Nothing was changed."
printf '%s\n' "$migrations" | sed 's/^/   /'
check_nginx

if [ "${DRY_RUN-}" = 1 ]; then
  say 'DRY_RUN=1: nothing was changed.'
  exit 0
fi
printf 'From here on it changes things:\n'
begin_change
replace_all
end_change
remember_deploy "${interrupted_from:-$from}" "$to"
case "$migrations" in *'contracting'*) forget_before "${interrupted_from:-$from}" ;; esac
remove_old_images
summary "Deployed $to"
