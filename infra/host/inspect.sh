#!/usr/bin/env bash
# `make profile` and `make heap-snapshot`: of a running app, worker or ready-dns, into .build/inspect. KIND is the first
# argument. SERVICE=worker INSTANCE=2 choose the process, SECONDS_LONG how long a profile takes.
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

kind=$1 service=${SERVICE:-app} instance=${INSTANCE:-1}
case "$service" in
  app | worker | ready-dns | nginx-log-exporter | autoscaler) ;;
  *) die "SERVICE=$service: app, worker, ready-dns, nginx-log-exporter or autoscaler is expected." ;;
esac
case "$instance" in '' | *[!0-9]* | 0) die "INSTANCE=$instance: a whole number from 1 is expected." ;; esac
# By their place, and not by the number in the name, which goes on counting.
container=$(docker compose ps --quiet --status running "$service" | sed -n "${instance}p")
[ -n "$container" ] || die "There is no running instance $instance of $service: make ps."
name=$(docker inspect --format '{{.Name}}' "$container" | sed 's,^/,,')
case "$kind" in
  profile) extension=cpuprofile seconds=${SECONDS_LONG:-30} ;;
  heap-snapshot) extension=heapsnapshot seconds='' ;;
  *) die "inspect.sh $kind: profile or heap-snapshot is expected." ;;
esac
file=$BUILD_DIR/inspect/$name-$(date -u '+%Y%m%d-%H%M%S').$extension
# What a process holds is nobody else's to read.
umask 077
mkdir -p "$BUILD_DIR/inspect"

# V8 puts a heap's picture together in the process' own memory: an app of 75 MB went to 290, beside 100 of who asks for it, of
# the 320 MiB that both may have. The kernel would kill the app.
set_memory() { docker update --memory "$1" --memory-swap "$2" "$container" >/dev/null; }
give_back() {
  set_memory "$memory" "$swap" 2>/dev/null ||
    say "$name holds more now than it may have, so its limit stays raised until it is started anew: docker restart $name"
}
if [ "$kind" = heap-snapshot ]; then
  read -r memory swap < <(docker inspect --format '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}' "$container")
  if [ "$memory" -gt 0 ]; then
    set_memory $((memory * 4)) $((memory * 4))
    trap give_back EXIT
  fi
fi
step "Taking a $kind of $name${seconds:+ for $seconds s}"
docker exec "$container" node --liftoff-only dist/cli.js inspect "$kind" ${seconds:+--seconds "$seconds"} >"$file" || {
  rm -f "$file"
  die "There is no $kind of $name, as it says above."
}
say "${file#"$SV_ROOT/"}, $(du -h "$file" | cut -f 1)"
say "Chrome's DevTools open it: the tab $([ "$kind" = profile ] && echo Performance || echo Memory), Load."
[ "$kind" = profile ] || say 'It holds secrets, as the process does. Delete it after use.'
