# shellcheck shell=bash
# Sourced where bases and images are made: a checkout that came as a bundle (`make bundle`) has its images with it, in the folder
# bundle/. Nothing is built there, and no network is needed.

BUNDLE=$SV_ROOT/bundle
is_bundle() { [ -f "$BUNDLE/version" ]; }
# The tag of its images.
bundle_version() { cat "$BUNDLE/version"; }
bundled_images() { cat "$BUNDLE/images"; }

sha256() { if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }

# shellcheck disable=SC2046
is_bundle_loaded() { docker image inspect $(bundled_images) >/dev/null 2>&1; }

# Files that are not as they were packed, a line each. After the images were loaded nobody asks any more: the project is a
# person's to change.
damaged_files() {
  (
    cd "$SV_ROOT" || exit
    # The check itself fails where it finds one.
    set +o pipefail
    if [ -s bundle/SHA256SUMS ]; then sha256 --check --quiet bundle/SHA256SUMS 2>/dev/null | sed 's/: FAILED.*//'; else echo bundle/SHA256SUMS; fi
  )
}

load_bundle() {
  if is_bundle_loaded; then return 0; fi
  say "Loading the images of the bundle ($(bundle_version))"
  gzip -dc "$BUNDLE/images.tar.gz" | docker load >"$BUILD_DIR/load.log" 2>&1 || {
    tail -n 5 "$BUILD_DIR/load.log" >&2
    die "The images can't be loaded: see .build/load.log. Unpack the bundle again."
  }
}

# Under the names that Compose asks for: tag_bundle VERSION PLATFORM_VERSION
tag_bundle() {
  local image name version
  for image in $(bundled_images); do
    name=${image%:*}
    case "$name" in
      sv-sdk/platform | sv-sdk/sdk)
        version=$2
        # A version that was deployed stays what it is.
        [ "$2" = "$1" ] || [ "${SV_DEPLOY-}" = 1 ] || ! docker image inspect "$name:$2" >/dev/null 2>&1 || continue
        ;;
      sv-sdk/*) version=$1 ;;
      *) continue ;;
    esac
    docker tag "$image" "$name:$version"
  done
}
