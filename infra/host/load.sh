#!/usr/bin/env bash
# `make load VUS=20 DURATION=30s`: a load test against the stack on this machine, and never against another one.
# SCENARIO names a file of test/load: api-test (VUS, DURATION) or mixed (RATE, DURATION). The thresholds stand there;
# a run that misses one ends with an error.
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

K6_RELEASE=1.8.1
K6_IMAGE=grafana/k6:$K6_RELEASE
# The usage report would go to k6's makers; the progress display would be a line a second in a log.
K6_OPTIONS=--no-usage-report
[ -t 1 ] || K6_OPTIONS="$K6_OPTIONS --quiet"
# More users or requests than this is a typing error: one machine's ports would run out.
MOST=20000

# A whole number from 1 to MOST: count NAME VALUE
count() {
  local whole='^[1-9][0-9]{0,4}$'
  if ! [[ $2 =~ $whole ]] || [ "$2" -gt "$MOST" ]; then die "$1=$2: a whole number from 1 to $MOST is expected."; fi
}

# The seconds of a duration such as 30s, 5m or 1m30s; nothing for any other text.
seconds_of() {
  local parts='^(([0-9]{1,3})h)?(([0-9]{1,4})m)?(([0-9]{1,5})s)?$'
  [[ $1 =~ $parts ]] || return 0
  echo $((10#0${BASH_REMATCH[2]-} * 3600 + 10#0${BASH_REMATCH[4]-} * 60 + 10#0${BASH_REMATCH[6]-}))
}

# Checks every setting and exports it for the scenario.
read_settings() {
  scenario=${SCENARIO:-api-test}
  case "$scenario" in
    api-test)
      [ -z "${RATE-}" ] || die "RATE=$RATE: api-test has users (VUS), not a rate. SCENARIO=mixed has."
      export VUS="${VUS:-100}" DURATION="${DURATION:-5m}"
      count VUS "$VUS"
      ;;
    mixed)
      [ -z "${VUS-}" ] || die "VUS=$VUS: mixed has a rate (RATE), not users. SCENARIO=api-test has."
      export RATE="${RATE:-200}" DURATION="${DURATION:-1m}"
      count RATE "$RATE"
      ;;
    *) die "SCENARIO=$scenario: api-test or mixed is expected." ;;
  esac
  LOAD_SECONDS=$(seconds_of "$DURATION")
  [ "${LOAD_SECONDS:-0}" -gt 0 ] || die "DURATION=$DURATION: a length such as 30s, 5m or 1m30s is expected."

  export LOAD_SECONDS BASE_URL="${BASE_URL:-http://localhost:$(setting HTTP_PORT 3000)}"
  BASE_URL=${BASE_URL%/}
  local this_machine='^http://(localhost|127\.0\.0\.1):([0-9]{1,5})$'
  [[ $BASE_URL =~ $this_machine ]] ||
    die "BASE_URL=$BASE_URL: http://localhost:PORT or http://127.0.0.1:PORT is expected; only this machine is ever loaded."
  port=${BASH_REMATCH[2]}

  [ -r "$SECRETS_DIR/load_api_key" ] || die "$SECRETS_DIR/load_api_key is missing: run 'make up' first."
  SECRETS_DIR=$(cd "$SECRETS_DIR" && pwd)
}

# Asks without curl, which a host need not have.
is_ready() {
  local status
  status=$(
    exec 2>/dev/null
    exec 3<>"/dev/tcp/127.0.0.1/$port"
    printf 'GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
    read -r -t 5 status <&3 && printf '%s' "$status"
  ) || return 1
  case "$status" in 'HTTP/1.1 200 '*) ;; *) return 1 ;; esac
}

# Where images come from Debian's packages no registry answered, so none is asked again: it can take half a minute.
has_image() {
  command -v docker >/dev/null || return 1
  docker image inspect "$K6_IMAGE" >/dev/null 2>&1 && return
  if grep -qs '^SV_IMAGES=debian' "$BUILD_DIR/images.env"; then return 1; fi
  say "Pulling $K6_IMAGE"
  docker pull -q "$K6_IMAGE" >/dev/null 2>&1
}

# In each of them the last command is the tool itself, so that Ctrl-C and its exit code are the tool's.
# shellcheck disable=SC2086
run_k6() { exec k6 run $K6_OPTIONS "test/load/$scenario.js"; }

run_image() {
  local terminal=''
  [ ! -t 1 ] || terminal='--tty'
  # As the caller, who can read the checkout.
  # shellcheck disable=SC2086
  exec docker run --rm --init $terminal --network host --user "$(id -u):$(id -g)" \
    --volume "$SV_ROOT/test/load:/load:ro" --volume "$SECRETS_DIR/load_api_key:/run/secrets/load_api_key:ro" \
    --env SECRETS_DIR=/run/secrets --env BASE_URL --env VUS --env RATE --env DURATION \
    "$K6_IMAGE" run $K6_OPTIONS "/load/$scenario.js"
}

run_artillery() {
  LOAD_API_KEY=$(cat "$SECRETS_DIR/load_api_key")
  export LOAD_API_KEY ARTILLERY_DISABLE_TELEMETRY=true
  exec artillery run test/load/api-test.artillery.yml
}

read_settings
is_ready || die "$BASE_URL/health/ready doesn't answer 200: run 'make up' first."
step "$scenario for $DURATION against $BASE_URL"
if command -v k6 >/dev/null; then
  run_k6
elif has_image; then
  run_image
elif [ "$scenario" = api-test ] && command -v artillery >/dev/null; then
  say 'No k6 here: Artillery runs the same scenario.'
  run_artillery
fi
die "There is no k6 here, and its image $K6_IMAGE can't be had. Get it with: go install go.k6.io/k6@v$K6_RELEASE
(then have \$(go env GOPATH)/bin on PATH), or from https://grafana.com/docs/k6/latest/set-up/install-k6/"
