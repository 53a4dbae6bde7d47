#!/bin/sh
# Sends one alert to everybody and waits until Alertmanager says of each way whether it went out. `make alert-test` runs it.
#   TEST_SECONDS  how long (60): a mail server that is slow to answer has 30
set -eu
url=http://127.0.0.1:9093
limit=${TEST_SECONDS:-60}
run=$(date +%s)
# Written by entrypoint.sh.
receivers=$(cat /tmp/receivers)

# Debian's base has no wget, the official one no curl and no bash.
metrics() {
  if command -v wget >/dev/null; then
    wget -qO- "$url/metrics"
  else
    bash -c 'exec 3<>/dev/tcp/127.0.0.1/9093 && printf "GET /metrics HTTP/1.0\r\n\r\n" >&3 && cat <&3'
  fi
}

# Requests of all ways: name, sent, failed. A request that fails is tried again and counted again, so one that grows without
# failures went out.
counts() {
  metrics | awk '
    match($0, /^alertmanager_notification_requests(_failed)?_total[{]/) {
      name = $0; sub(/.*integration="/, "", name); sub(/".*/, "", name)
      if ($0 ~ /^alertmanager_notification_requests_failed/) failed[name] += $NF; else sent[name] += $NF
    }
    END { for (name in sent) print name, sent[name], failed[name] + 0 }'
}

# of_way NAME COLUMN, from a list of counts
of_way() { awk -v name="$1" -v column="$2" '$1 == name { value = $column } END { print value + 0 }'; }

before=$(counts)
[ -n "$before" ] || { echo 'alert-test: Alertmanager tells no figures' >&2; exit 1; }
amtool --alertmanager.url="$url" alert add AlertTest severity=critical job=alert-test run="$run" \
  --end="$(date -u -d "@$((run + limit))" +%Y-%m-%dT%H:%M:%SZ)" \
  --annotation='summary="This is a test, nothing is wrong"' \
  --annotation="description=\"Sent by make alert-test, run $run. It ends by itself.\"" \
  --annotation='runbook_url="docs/operations/alerts.md"'

waiting=$receivers failed=''
while [ -n "$waiting" ] && [ $(($(date +%s) - run)) -lt "$limit" ]; do
  sleep 1
  now=$(counts)
  still=''
  for name in $waiting; do
    failures=$(($(printf '%s\n' "$now" | of_way "$name" 3) - $(printf '%s\n' "$before" | of_way "$name" 3)))
    requests=$(($(printf '%s\n' "$now" | of_way "$name" 2) - $(printf '%s\n' "$before" | of_way "$name" 2)))
    if [ "$failures" -gt 0 ]; then
      echo "$name: failed"
      failed="$failed $name"
    elif [ "$requests" -gt 0 ]; then
      echo "$name: sent"
    else
      still="$still $name"
    fi
  done
  waiting=$still
done
for name in $waiting; do
  echo "$name: nothing was sent within $limit s"
  failed="$failed $name"
done
[ -z "$failed" ]
