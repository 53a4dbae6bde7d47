#!/usr/bin/env bash
# `make bundle`: one file with the project and every image, for a host without any network. TO=folder says where it goes.
# There: tar -xf the file, and `make up` in its folder. docs/operations/bundle.md
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=infra/host/deploy-lock.sh
. "$HOST_DIR/deploy-lock.sh"
# shellcheck source=infra/host/versions.sh
. "$HOST_DIR/versions.sh"
# shellcheck source=infra/host/bundled.sh
. "$HOST_DIR/bundled.sh"

# shellcheck disable=SC2031 # common.sh reads os-release in a subshell
version=bundle-${VERSION:-$(version_of_checkout)}
check_version_name "$version"
to=${TO:-.}
[ -d "$to" ] || die "TO=$to: a folder that is there is expected."
to=$(cd "$to" && pwd)
name=sv-sdk-${version#bundle-}
work=$BUILD_DIR/$name
file=$to/$name.tar
if is_bundle; then die 'Refused: this checkout is a bundle already; copy the file that it came from.'; fi

# Everything of the project that is not this machine's own.
project_files() {
  if git ls-files -z 2>/dev/null; then return; fi
  find . \( -name node_modules -o -path ./.build -o -path ./backups -o -path './secrets*' -o -path './.env*' \) -prune -o -type f -print0
  printf '.env.example\0'
}

trap 'rm -rf "$work"' EXIT
rm -rf "$work"
mkdir -p "$work/bundle"

step 'Build'
if [ "${SV_PREPARED-}" != 1 ]; then
  "$HOST_DIR/engine.sh"
  "$HOST_DIR/images.sh"
fi
SV_DEPLOY=1 SV_VERSION=$version PLATFORM_VERSION=$version "$HOST_DIR/build.sh" stack

step 'Images'
# Grafana's is its makers' own, and not everywhere to be had.
SV_VERSION=$version PLATFORM_VERSION=$version docker compose --profile '*' config --images | sort -u |
  while read -r image; do
    if docker image inspect "$image" >/dev/null 2>&1; then
      echo "$image"
    else
      case "$image" in sv-sdk/*) die "$image was not built." ;; *) say "Without $image: it is not here" >&2 ;; esac
    fi
  done >"$work/bundle/images"
printf '%s\n' "$version" >"$work/bundle/version"
# One archive of all of them: what they share is in it once.
# shellcheck disable=SC2046
docker save $(cat "$work/bundle/images") | gzip -1 >"$work/bundle/images.tar.gz"
say "$(grep -c . "$work/bundle/images") images, $(($(wc -c <"$work/bundle/images.tar.gz") / 1048576)) MiB"

step 'Project'
project_files | tar --null -cf - -T - | tar -xf - -C "$work"
(cd "$work" && find . -type f ! -path ./bundle/SHA256SUMS | sort | while IFS= read -r one; do sha256 "$one"; done >bundle/SHA256SUMS)
tar -cf "$file.part" -C "$BUILD_DIR" "$name"
mv "$file.part" "$file"
(cd "$to" && sha256 "$name.tar" >"$name.tar.sha256")
# shellcheck disable=SC2046
docker image rm $(grep '^sv-sdk/' "$work/bundle/images") >/dev/null
printf '\n%s%s: %d MiB, in %d s.%s Beside it: %s.tar.sha256\n' "$BOLD" "$file" "$(($(wc -c <"$file") / 1048576))" "$SECONDS" "$PLAIN" "$name"
