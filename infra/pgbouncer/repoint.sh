#!/bin/sh
# Points PgBouncer at who is the primary now, and lets writes go on; says whether that changed anything.
set -eu
databases.sh >/tmp/databases.ini.new
if cmp -s /tmp/databases.ini.new /tmp/databases.ini; then said=unchanged; else said=changed; fi
mv /tmp/databases.ini.new /tmp/databases.ini
# The first process passes signals on, or is PgBouncer itself: read the files again, then RESUME. Without the moment in
# between the clients that wait would be let loose on the old primary.
kill -HUP 1
sleep 0.2
kill -USR2 1
echo $said
