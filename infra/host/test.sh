#!/usr/bin/env bash
# Runs a command in the test image, against the images just built; by default every test but the long ones (LONG=1:
# those). The end-to-end tests start a stack of their own from this checkout, which is mounted at its own path so that
# Compose's bind mounts resolve.
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# The tests themselves, which set SV_PREPARED=1, run in that image.
if [ "${SV_PREPARED-}" != 1 ]; then
  "$HOST_DIR/engine.sh"
  "$HOST_DIR/images.sh"
fi
if [ $# -gt 0 ]; then
  # A command of its own (unit tests, lint) needs no server.
  [ "${SV_PREPARED-}" = 1 ] || "$HOST_DIR/build.sh" test
else
  if [ "${LONG-}" = 1 ]; then
    set -- pnpm exec vitest run --project long
  else
    set -- pnpm exec vitest run --project unit --project static --project integration --project e2e
  fi
  # The checkout's own, whatever is deployed.
  PLATFORM_VERSION=$(setting SV_VERSION dev) "$HOST_DIR/build.sh" stack test
fi

# The reaper image of testcontainers comes from a registry only; without one, the tests remove what they start.
reaper=''
! grep -q '^SV_IMAGES=debian' "$BUILD_DIR/images.env" || reaper=TESTCONTAINERS_RYUK_DISABLED=true
if [ -t 1 ]; then terminal='--tty'; else terminal='--env NO_COLOR=1'; fi
# The last lines are the tests' own count: nothing is printed after them.
# shellcheck disable=SC2086
exec docker run --rm --init $terminal --network host \
  --volume /var/run/docker.sock:/var/run/docker.sock --volume "$SV_ROOT:$SV_ROOT" \
  --env SV_REPO="$SV_ROOT" --env SV_PREPARED=1 --env SV_VERSION="$(setting SV_VERSION dev)" ${reaper:+--env $reaper} \
  "sv-sdk/test:$(setting SV_VERSION dev)" "$@"
