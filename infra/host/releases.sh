# shellcheck shell=bash
# Sourced by up.sh and upgrade.sh: which release a stack is of, which one the checkout is, and whether a way leads there.

RELEASES=infra/host/releases.txt

release_of_checkout() { sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json; }

# Written into the settings by `make up` and `make upgrade`. Stacks from before that are of the first release.
release_of_stack() { setting SV_RELEASE "$(releases | sed -n 1p)"; }

releases() { awk '/^[0-9]/ { print $1 }' "$RELEASES"; }

# Why no upgrade leads from $1 to $2; nothing where one does.
why_no_way() {
  awk -v from="$1" -v to="$2" '
    !/^[0-9]/ { next }
    $1 == from { is_from = NR }
    is_from && NR > is_from && !is_to && $2 == "stop" && $1 != to && stop == "" { stop = $1 }
    $1 == to { is_to = NR }
    END {
      if (!is_from) print "this stack is of " from ", which this checkout does not know: it is older, or another project"
      else if (!is_to) print to " is not in '"$RELEASES"': the checkout is not a release"
      else if (is_to < is_from) print "this stack is of " from ", and the checkout is older (" to "). Back to what was before an upgrade: make rollback DATA=1"
      else if (stop != "") print "the way from " from " to " to " leads over " stop ", which must not be left out: check that out first, make upgrade, then this one"
    }' "$RELEASES"
}

# Ends where the stack has data of another release, which `make up` would replace all at once.
refuse_other_release() {
  local stack checkout
  stack=$(release_of_stack) checkout=$(release_of_checkout)
  if [ "$stack" = "$checkout" ] || [ ! -f "$SV_ENV_FILE" ] || ! has_data; then return 0; fi
  die "Refused: this stack is of release $stack, and the checkout is $checkout. Nothing was changed. Replace it without a failed request, with a backup and a way back: make upgrade (DRY_RUN=1 only tells)."
}

stamp_release() {
  [ "$(setting SV_RELEASE)" = "$1" ] || put_setting "$SV_ENV_FILE" SV_RELEASE "$1"
}
