#!/bin/sh
# Points PgBouncer at who is the primary now, and lets writes go on; says whether that changed anything.
set -eu
said=$(reread.sh)
# Without this moment the clients that wait would be let loose on the old primary.
sleep 0.2
# The first process passes signals on, or is PgBouncer itself: RESUME.
kill -USR2 1
echo "$said"
