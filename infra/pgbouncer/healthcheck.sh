#!/bin/sh
# Is it accepting connections? Whether a database behind it answers is asked by the apps' own readiness.
# The official image has busybox' nc, Debian's base has bash.
if command -v nc >/dev/null 2>&1; then exec nc -z 127.0.0.1 6432; fi
exec bash -c ': </dev/tcp/127.0.0.1/6432'
