# shellcheck shell=bash
# Sourced by upgrade.sh and rollback.sh: moments of the database that have a name, a line each: NAME, the release,
# the version that ran, the moment. Needs: DEPLOYS

RESTORE_POINTS=$DEPLOYS/restore-points

# On the primary: named in its log, so that the line here can be told from a guess. name_restore_point NAME RELEASE VERSION
name_restore_point() {
  local primary moment
  primary=$(running_primary) || return 1
  ask_server "$primary" "select pg_create_restore_point('$1')" >/dev/null || return 1
  moment=$(ask_server "$primary" 'select clock_timestamp()') || return 1
  [ -n "$moment" ] || return 1
  printf '%s %s %s %s\n' "$1" "$2" "$3" "$moment" >>"$RESTORE_POINTS"
}

# Of all points this one only, which need not be there: keep_restore_point NAME
keep_restore_point() {
  restore_points | awk -v name="$1" '$1 == name' >"$RESTORE_POINTS.new"
  mv "$RESTORE_POINTS.new" "$RESTORE_POINTS"
}

# None before the first upgrade.
restore_points() { [ ! -f "$RESTORE_POINTS" ] || cat "$RESTORE_POINTS"; }

# The line of a name; without one the last: restore_point [NAME]
restore_point() { restore_points | awk -v name="${1-}" 'name == "" || $1 == name { line = $0 } END { if (line) print line }'; }

# The release that a version was of, as far as an upgrade left it: release_of_version VERSION
release_of_version() { restore_points | awk -v version="$1" '$3 == version { found = $2 } END { print found }'; }

restore_point_names() { restore_points | awk '{ print $1 }' | xargs; }
