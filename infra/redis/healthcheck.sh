#!/bin/sh
# PONG and not LOADING: while the append-only file is read, commands are refused.
REDISCLI_AUTH=$(cat "$PASSWORD_FILE")
export REDISCLI_AUTH
[ "$(redis-cli --no-auth-warning -h 127.0.0.1 ping)" = PONG ]
