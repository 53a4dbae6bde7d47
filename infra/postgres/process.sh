# shellcheck shell=sh
# Sourced by the entrypoint: programs run as children that are told of a stop. A shell that waits for a program in the
# foreground hears no signal before that ends, and a clone takes as long as it takes.
child=''
child_signal=TERM
is_stopping=''

# Docker's stop, forwarded. With nothing under way there is nothing to end.
on_stop() {
  is_stopping=yes
  [ -n "$child" ] || exit 0
  # It may just have ended by itself.
  kill "-$child_signal" "$child" 2>/dev/null || :
}

# Its exit code, as if it had run in the foreground.
run() {
  child_signal=TERM
  "$@" &
  child=$!
  finish_child
}

# `wait` ends early when a signal comes.
finish_child() {
  code=0
  wait "$child" || code=$?
  while kill -0 "$child" 2>/dev/null; do
    code=0
    wait "$child" || code=$?
  done
  child=''
  [ -z "$is_stopping" ] || exit "$code"
  return "$code"
}

pause() {
  sleep "$1" &
  # Ended by a signal: whoever paused looks again.
  wait $! || :
}
