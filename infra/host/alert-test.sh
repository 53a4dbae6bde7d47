#!/usr/bin/env bash
# `make alert-test`: one alert, AlertTest, by every way that ALERT_RECEIVERS names, up to where Alertmanager hands it over.
# Says of each whether it went out; ends with 1, and with what Alertmanager says, when one didn't.
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

TEST_SECONDS=${TEST_SECONDS:-60}
container=$(docker compose ps --quiet --status running alertmanager 2>/dev/null) || container=''
[ -n "$container" ] || die "Refused: Alertmanager doesn't run. Start the stack first: make up."
wanted=$(setting ALERT_RECEIVERS email)
running=$(docker exec "$container" cat /tmp/receivers) || die "Refused: the Alertmanager that runs is of an older version: make up."
# Spaces and commas don't matter.
[ "$(echo "$wanted" | tr , ' ' | xargs)" = "$(echo "$running" | xargs)" ] ||
  die "Refused: the settings name $wanted, and Alertmanager runs with $(echo "$running" | xargs): make up."

started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
step "One alert, AlertTest, by: $(echo "$running" | xargs)"
code=0
docker exec --env TEST_SECONDS="$TEST_SECONDS" "$container" test-alert.sh </dev/null || code=$?
[ "$code" -ne 0 ] || exit 0
# Its warnings only (--log.level=warn): why what was tried failed.
docker logs --since "$started" "$container" 2>&1 | grep -E 'level=(WARN|ERROR|warn|error)' | tail -n 5 >&2 || :
die "Not every way works. What to look at: docs/runbooks/alerts-not-delivered.md"
