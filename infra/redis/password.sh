#!/bin/sh
# While a password is changed two of them open this server: password.sh add|remove, with the password on stdin. Clients that
# are connected stay. `follow`: a node of a cluster signs in at the others with what is in the secret now.
set -eu
REDISCLI_AUTH=$(cat "$PASSWORD_FILE")
export REDISCLI_AUTH
# The last word of a command comes on stdin, so that it stands in no list of processes.
tell() { redis-cli --no-auth-warning -h 127.0.0.1 -x "$@" 2>&1; }

case ${1-} in
  add) said=$(printf '>%s' "$(cat)" | tell acl setuser default) ;;
  # It may be gone already.
  remove) said=$(printf '<%s' "$(cat)" | tell acl setuser default | sed 's/.*does not exist.*/OK/') ;;
  follow)
    said=OK
    [ "$REDIS_ROLE" != cluster ] || said=$(printf '%s' "$REDISCLI_AUTH" | tell config set masterauth)
    ;;
  *) echo 'password.sh: add, remove or follow is expected' >&2; exit 64 ;;
esac
[ "$said" = OK ] || { echo "password.sh: $1: $said" >&2; exit 1; }
