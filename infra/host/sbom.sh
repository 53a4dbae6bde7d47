#!/usr/bin/env bash
# `make sbom`: what this release is made of, in the folder sbom-RELEASE: every npm package with its version, digest and licence
# (CycloneDX), a page of licences, every image with its id, and the system packages in each. docs/operations/supply-chain.md
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=infra/host/releases.sh
. "$HOST_DIR/releases.sh"

folder=sbom-$(release_of_checkout)
mkdir -p "$folder"

step 'npm packages'
# Of the test image, which has all of them installed: a package's licence stands in the package.
"$HOST_DIR/test.sh" sh -c "pnpm sbom --sbom-format cyclonedx --sbom-type application --prod --out '$SV_ROOT/$folder/platform.cdx.json' \
  && pnpm --dir infra/maildev --ignore-workspace sbom --sbom-format cyclonedx --sbom-type application --prod --lockfile-only --out '$SV_ROOT/$folder/maildev.cdx.json' \
  && node infra/platform/licences.ts <'$SV_ROOT/$folder/platform.cdx.json' >'$SV_ROOT/$folder/licences.md'"

step 'Images'
# Debian's, or Alpine's; the exporters' official images have one program and nothing else.
system_packages() {
  docker run --rm --network none --entrypoint dpkg-query "$1" --show --showformat '${Package} ${Version} ${Architecture}\n' 2>/dev/null ||
    docker run --rm --network none --entrypoint apk "$1" info -v 2>/dev/null || echo 'no package manager'
}
: >"$folder/images.txt"
: >"$folder/system-packages.txt"
docker compose --profile '*' config --images | sort -u | while read -r image; do
  if ! docker image inspect "$image" >/dev/null 2>&1; then
    say "Without $image: it is not here"
    continue
  fi
  docker image inspect --format "$image {{.Id}} {{range .RepoDigests}}{{.}} {{end}}" "$image" >>"$folder/images.txt"
  printf '\n# %s\n' "$image" >>"$folder/system-packages.txt"
  system_packages "$image" >>"$folder/system-packages.txt"
done
printf '\n%s%s/%s: %d images.\n' "$BOLD" "$folder" "$PLAIN" "$(grep -c . "$folder/images.txt")"
