#!/bin/sh
# Gives a role the password that comes on stdin: set-password.sh sv_app. Again and again; 3: this node is a standby.
# shellcheck source=infra/postgres/common.sh
. /usr/local/lib/sv-postgres/common.sh
umask 077
new=/tmp/new-password
trap 'rm -f $new' EXIT
cat >$new
[ -s $new ] || fail 'a password is expected on standard input'
# Of the superuser the file may have the old password still, or the new one already, where this was interrupted.
export PGPASSWORD
PGPASSWORD=$(cat "$SECRETS_PATH/postgres_password")
is_standby=$(ask_here --command='select pg_is_in_recovery()' 2>/dev/null) || {
  PGPASSWORD=$(cat $new)
  is_standby=$(ask_here --command='select pg_is_in_recovery()')
}
[ "$is_standby" = f ] || exit 3
# In no statement that is logged, as it is slow or fails; bootstrap.sql does the same.
ask_here --set=role="$1" <<'SQL'
set log_min_error_statement = panic;
set log_min_duration_statement = -1;
\set password `cat /tmp/new-password`
alter role :"role" password :'password';
SQL
