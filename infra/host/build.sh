#!/usr/bin/env bash
# Builds on the bases that images.sh chose: build.sh stack (the stack's images), test (the image that runs the tests),
# artillery (a load generator, for a host without k6), or several. The same input gives the same image ids, so that nothing
# is recreated for it.
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=infra/host/bundled.sh
. "$HOST_DIR/bundled.sh"

VERSION=$(setting SV_VERSION dev)
[ -f "$BUILD_DIR/images.env" ] || die 'No bases are chosen yet: run infra/host/images.sh first.'

# Runs a build with its output in a log, shown in part when it fails: logged NAME COMMAND…
logged() {
  local log=$BUILD_DIR/$1.log started=$SECONDS
  shift
  "$@" >"$log" 2>&1 || {
    tail -n 40 "$log" >&2
    die "The build failed; the whole log is ${log#"$SV_ROOT/"}"
  }
  say "Built (${log#"$SV_ROOT/"}, $((SECONDS - started)) s)"
}

base() { sed -n "s/^$1=//p" "$BUILD_DIR/images.env"; }

# Of every profile: a service that is left out may be the one that builds an image for another. A version that was deployed
# is what its name says and stays so, whatever the checkout holds now: `make deploy` builds another one.
build_stack() {
  local settings=$SV_ENV_FILE platform services=''
  platform=$(setting PLATFORM_VERSION "$VERSION")
  if is_bundle; then
    load_bundle
    tag_bundle "$VERSION" "$platform"
    return
  fi
  if [ "$platform" != "$VERSION" ] && [ "${SV_DEPLOY-}" != 1 ] && docker image inspect "sv-sdk/platform:$platform" "sv-sdk/sdk:$platform" >/dev/null 2>&1; then
    say "The platform stays $platform, as deployed; make deploy builds what the checkout holds"
    services=$(docker compose --profile '*' config --services | grep -vxE 'migrate|sdk')
  fi
  # Where no settings exist yet (`make test` before any `make up`), the example's do: they are not built in.
  [ -f "$settings" ] || settings=.env.example
  # shellcheck disable=SC2086
  COMPOSE_ENV_FILES=.build/images.env,$settings logged build docker compose --progress plain --profile '*' build $services
}

# An image that is none of the stack's: build_beside NAME CONTEXT [OPTION…]
build_beside() {
  local name=$1 context=$2
  shift 2
  logged "build-$name" docker build --progress plain --tag "sv-sdk/$name:$VERSION" "$@" \
    --build-arg "BASE=$(base BASE_NODE)" --build-arg "BASE_BUILD=$(base BASE_NODE_BUILD)" \
    --secret id=host_ca,src=.build/host-ca.pem --secret id=npmrc,src=.build/npmrc "$context"
}

build_test() {
  build_beside test . --file infra/platform/Dockerfile --target test \
    --build-arg "APT_OPTIONS=$(base APT_OPTIONS)" --secret id=apt_sources,src=.build/apt-sources.list
}

build_artillery() { build_beside artillery infra/artillery; }

for target in "$@"; do
  case "$target" in
    stack | test | artillery) "build_$target" ;;
    *) die "build.sh: stack, test or artillery is expected, not $target" ;;
  esac
done
