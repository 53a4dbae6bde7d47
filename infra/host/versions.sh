# shellcheck shell=bash
# shellcheck disable=SC2016 # $0 is awk's
# Sourced by deploy.sh and rollback.sh: what a version is called, which were here before, and where the one that runs is
# written down. PLATFORM_VERSION is the tag of the images of every Node process, and what they say of themselves; the
# other images (Postgres, PgBouncer, Redis, nginx, …) keep SV_VERSION, so that a deploy leaves their containers alone.

VERSIONS=$DEPLOYS/versions
# So many versions' images stay, the running one among them: a few MB each, as they share all but the sources.
KEEP_VERSIONS=5

# Of the checkout, with a hash of what is not committed; of the time where there is no git.
version_of_checkout() {
  local version changes
  # A bundle has no git, and is what its name says.
  if [ -f "$SV_ROOT/bundle/version" ]; then
    sed 's/^bundle-//' "$SV_ROOT/bundle/version"
    return
  fi
  if ! version=$(git describe --tags --always 2>/dev/null); then
    date -u '+%Y%m%d-%H%M%S'
    return
  fi
  changes=$(git diff HEAD --binary && git ls-files --others --exclude-standard -z | xargs -0 cat)
  [ -z "$changes" ] || version=$version-$(printf '%s' "$changes" | git hash-object --stdin | cut -c1-8)
  # A tag may hold a slash, which an image's can't.
  printf '%s' "$version" | tr -c 'A-Za-z0-9._-' '-'
}

check_version_name() {
  case "$1" in
    '' | [.-]* | *[!A-Za-z0-9._-]*) die "VERSION=$1: letters, digits, dots, hyphens and underscores are expected." ;;
  esac
  [ "${#1}" -le 100 ] || die 'VERSION: at most 100 characters are expected.'
}

# What the apps that run were made from, whatever the settings say.
running_version() {
  local id
  id=$(running app | first)
  [ -z "$id" ] || docker inspect --format '{{.Config.Image}}' "$id" | sed 's/.*://'
}

has_images() { docker image inspect "sv-sdk/platform:$1" "sv-sdk/sdk:$1" >/dev/null 2>&1; }

# The version before another one, by what was deployed here: version_before VERSION
version_before() {
  awk -v current="$1" '$0 == current { print before; found = 1; exit } { before = $0 } END { if (!found) print before }' "$VERSIONS" 2>/dev/null
}

# Writes the list anew, by a program that prints it: rewrite_versions PROGRAM [-v NAME=VALUE…]
rewrite_versions() {
  local program=$1
  shift
  touch "$VERSIONS"
  awk "$@" "$program" "$VERSIONS" >"$VERSIONS.new"
  mv "$VERSIONS.new" "$VERSIONS"
}

# After a deploy of $2 over $1: what came after the one that ran is forgotten, as a rollback had left it.
remember_deploy() {
  rewrite_versions '
    $0 == to || is_over { next }
    { print }
    $0 == from { is_over = 1 }
    END { if (!is_over && from != to) print from; print to }' -v from="$1" -v to="$2"
}

# The list ends with the version that was gone back to; where it isn't in the list, that is like a deploy of it.
remember_rollback() {
  if grep -qx -- "$2" "$VERSIONS" 2>/dev/null; then
    rewrite_versions '{ print } $0 == to { exit }' -v to="$2"
  else
    remember_deploy "$1" "$2"
  fi
}

# What ran before can't run any more: the last migrations took away what it needs. forget_before VERSION
forget_before() { rewrite_versions '$0 == from { is_on = 1 } is_on' -v from="$1"; }

# Of a build of a version, what is not the platform's: those images have SV_VERSION. forget_other_images VERSION
forget_other_images() {
  local image
  for image in $(docker image ls --filter "reference=sv-sdk/*:$1" --format '{{.Repository}}'); do
    case "$image" in sv-sdk/platform | sv-sdk/sdk | sv-sdk/test) ;; *) docker image rm "$image:$1" >/dev/null ;; esac
  done
}

# Images of versions that were here long ago. One that a container of another stack has is refused by the engine, and stays;
# SV_VERSION's are the ones that a first `make up` would start.
remove_old_images() {
  local version
  awk -v keep="$KEEP_VERSIONS" '{ all[NR] = $0 } END { for (i = 1; i <= NR - keep; i++) print all[i] }' "$VERSIONS" |
    while read -r version; do
      [ "$version" != "$(setting SV_VERSION dev)" ] || continue
      docker image rm "sv-sdk/platform:$version" "sv-sdk/sdk:$version" >/dev/null 2>&1 || :
    done
  rewrite_versions '{ all[NR] = $0 } END { for (i = 1; i <= NR; i++) if (i > NR - keep) print all[i] }' -v keep="$KEEP_VERSIONS"
}

# Into the settings, so that plain `docker compose` and `make up` mean the same version. Whole or not at all.
write_version() {
  cp -p "$SV_ENV_FILE" "$SV_ENV_FILE.new"
  awk -v version="$1" '
    /^PLATFORM_VERSION=/ { if (!done) print "PLATFORM_VERSION=" version; done = 1; next }
    { print }
    END { if (!done) printf "\n# The version that runs: make deploy and make rollback write it.\nPLATFORM_VERSION=%s\n", version }' \
    "$SV_ENV_FILE" >"$SV_ENV_FILE.new"
  mv "$SV_ENV_FILE.new" "$SV_ENV_FILE"
}
