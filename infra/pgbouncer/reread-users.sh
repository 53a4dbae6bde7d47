#!/bin/sh
# Has PgBouncer take the passwords as they are now in the secrets. Connections that are there stay.
set -eu
umask 077
users.sh >/tmp/userlist.new
mv /tmp/userlist.new /tmp/userlist.txt
# The first process passes signals on, or is PgBouncer itself.
kill -HUP 1
