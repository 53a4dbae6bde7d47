#!/usr/bin/env bash
# `make load VUS=20 DURATION=30s`: a load test against the stack on this machine, and never against another one.
# SCENARIO names a file of test/load; the thresholds stand there, and a run that misses one ends with an error.
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

K6_RELEASE=1.8.1
K6_IMAGE=grafana/k6:$K6_RELEASE
# The usage report would go to k6's makers; the progress display would be a line a second in a log.
K6_OPTIONS=--no-usage-report
[ -t 1 ] || K6_OPTIONS="$K6_OPTIONS --quiet"
# More users, requests or emails than this is a typing error: one machine's ports would run out.
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

# The scenarios, each with the first line of its file.
list_scenarios() {
  local file name
  for file in test/load/*.js; do
    name=${file##*/}
    printf '  %-18s%s\n' "${name%.js}" "$(sed -n '1s|^// ||p' "$file")"
  done
}

# Which of the counts a scenario has, with what they are if nobody says; the others are refused. takes [VUS=100] [RATE=50]
takes() {
  local name default given
  for name in VUS RATE STEPS EMAILS; do
    default=''
    for given in "$@"; do [ "${given%%=*}" != "$name" ] || default=${given#*=}; done
    eval "given=\${$name-}"
    if [ -z "$default" ]; then
      [ -z "$given" ] || die "$name=$given: $scenario has no $name, but ${*%%=*}."
      continue
    fi
    given=${given:-$default}
    count "$name" "$given"
    export "$name=$given"
  done
}

# Checks every setting and exports it for the scenario.
read_settings() {
  scenario=${SCENARIO:-api-test}
  case "$scenario" in
    api-test) takes VUS=100 && duration=5m ;;
    mixed) takes RATE=200 && duration=1m ;;
    steps) takes RATE=200 STEPS=8 && duration=20s ;;
    spike) takes RATE=100 && duration=20s ;;
    soak) takes RATE=50 && duration=30m ;;
    login-storm) takes RATE=50 && duration=30s ;;
    scale-under-load) takes RATE=100 && duration=3m ;;
    email-burst)
      [ -z "${DURATION-}" ] || die "DURATION=$DURATION: $scenario ends when all are sent."
      takes EMAILS=2000 && duration=10m
      refuse_real_mail
      ;;
    list)
      step 'Scenarios'
      list_scenarios
      exit
      ;;
    *) die "SCENARIO=$scenario: one of these is expected:
$(list_scenarios)" ;;
  esac
  # The highest step is what must be possible.
  [ "$scenario" != steps ] || count 'RATE × STEPS' $((RATE * STEPS))
  export DURATION="${DURATION:-$duration}"
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

# Mails that nobody has asked for would ruin a sender's name.
refuse_real_mail() {
  case "$(setting EMAIL_FALLBACK_PROVIDER) $(setting EMAIL_PROVIDER smtp) $(setting SMTP_URL smtp://maildev:1025)" in
    ' mock '* | ' smtp smtp://maildev:'*) ;;
    *) die "$scenario sends emails, and these would go out: EMAIL_PROVIDER=mock, or smtp to the bundled maildev, is expected, and no fallback." ;;
  esac
  [ -r "$SECRETS_DIR/admin_password" ] || die "$SECRETS_DIR/admin_password is missing: run 'make up' first."
  SV_ADMIN_EMAIL=$(setting SV_ADMIN_EMAIL admin@example.com)
  export SV_ADMIN_EMAIL
}

# Two apps more after a third of the time, and as many as before after another one.
scale_meanwhile() {
  local before third=$((LOAD_SECONDS / 3))
  before=$(docker compose ps --quiet --status running app | wc -l)
  sleep "$third"
  WORKER='' APP=$((before + 2)) "$HOST_DIR/scale.sh"
  sleep "$third"
  WORKER='' APP=$((before)) "$HOST_DIR/scale.sh"
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
    ${SV_ADMIN_EMAIL:+--volume "$SECRETS_DIR/admin_password:/run/secrets/admin_password:ro"} \
    --env SECRETS_DIR=/run/secrets --env SV_ADMIN_EMAIL --env BASE_URL \
    --env VUS --env RATE --env STEPS --env EMAILS --env DURATION \
    "$K6_IMAGE" run $K6_OPTIONS "/load/$scenario.js"
}

run_artillery() {
  LOAD_API_KEY=$(cat "$SECRETS_DIR/load_api_key")
  export LOAD_API_KEY ARTILLERY_DISABLE_TELEMETRY=true
  exec artillery run test/load/api-test.artillery.yml
}

run_artillery_image() {
  LOAD_API_KEY=$(cat "$SECRETS_DIR/load_api_key")
  export LOAD_API_KEY
  exec docker run --rm --init --network host --volume "$SV_ROOT/test/load:/load:ro" \
    --env LOAD_API_KEY --env BASE_URL --env VUS --env LOAD_SECONDS \
    "sv-sdk/artillery:$(setting SV_VERSION dev)" run /load/api-test.artillery.yml
}

read_settings
is_ready || die "$BASE_URL/health/ready doesn't answer 200: run 'make up' first."
case "$scenario" in
  email-burst) step "$scenario of $EMAILS emails against $BASE_URL" ;;
  steps) step "$scenario of $DURATION each against $BASE_URL" ;;
  *) step "$scenario for $DURATION against $BASE_URL" ;;
esac
if command -v k6 >/dev/null; then
  runner=k6
elif has_image; then
  runner=image
else
  lacking="There is no k6 here, and its image $K6_IMAGE can't be had. Get it with: go install go.k6.io/k6@v$K6_RELEASE
(then have \$(go env GOPATH)/bin on PATH), or from https://grafana.com/docs/k6/latest/set-up/install-k6/"
  [ "$scenario" = api-test ] || die "$lacking"
  say "$lacking"
  say 'Until then Artillery, from npm, runs the same scenario.'
  runner=artillery
  if ! command -v artillery >/dev/null; then
    runner=artillery_image
    "$HOST_DIR/build.sh" artillery
  fi
fi
if [ "$scenario" = scale-under-load ]; then
  # Not exec: how the scaling ended counts, too.
  scale_meanwhile &
  scaling=$!
  status=0
  ("run_$runner") || status=$?
  wait "$scaling" || die 'The app was not scaled as it should have been; see above.'
  exit "$status"
fi
"run_$runner"
