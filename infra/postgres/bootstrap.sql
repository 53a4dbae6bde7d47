-- Runs once, at the first start of the primary, as the superuser over the local socket.
-- Passwords come from the secrets' files, so that they stand in no command line and no environment.
\set owner_password `cat "$SECRETS_PATH/db_owner_password"`
\set app_password `cat "$SECRETS_PATH/db_app_password"`
\set replication_password `cat "$SECRETS_PATH/db_replication_password"`
\set pgbouncer_password `cat "$SECRETS_PATH/db_pgbouncer_password"`
\set monitor_password `cat "$SECRETS_PATH/db_monitor_password"`
set log_min_error_statement = panic;
set log_min_duration_statement = -1;

create role sv_owner login password :'owner_password';
create role sv_app login password :'app_password';
create role sv_replicator login replication password :'replication_password';
create role sv_pgbouncer login password :'pgbouncer_password';
create role sv_monitor login password :'monitor_password';
grant pg_monitor to sv_monitor;

-- PgBouncer refuses these as start-up parameters, so they belong to the role.
alter role sv_app set statement_timeout = '15s';
alter role sv_app set lock_timeout = '5s';
alter role sv_app set idle_in_transaction_session_timeout = '30s';
-- Audit rows are sealed 25 s after their transaction began (migration 0003, which sets it for older clusters).
alter role sv_app set transaction_timeout = '20s';
alter role sv_owner set lock_timeout = '30s';
alter role sv_monitor set statement_timeout = '10s';

create database sv owner sv_owner;
revoke connect, temporary on database sv from public;
grant connect on database sv to sv_app, sv_pgbouncer, sv_monitor;

\connect postgres
create extension pg_stat_statements;

\connect sv
create extension pg_stat_statements;
revoke create on schema public from public;

-- PgBouncer asks here for a role's SCRAM verifier. Every name is qualified, because a SECURITY DEFINER function
-- with a loose search_path can be taken over (CVE-2025-2291 is about the password's end, honoured below).
create schema pgbouncer;
revoke all on schema pgbouncer from public;
grant usage on schema pgbouncer to sv_pgbouncer;
create function pgbouncer.get_auth(wanted text) returns table (username text, password text)
  language sql stable security definer set search_path = pg_catalog, pg_temp
  as $$
    select authid.rolname::text,
           case when authid.rolvaliduntil is not null and authid.rolvaliduntil < pg_catalog.now() then null
                else authid.rolpassword::text end
    from pg_catalog.pg_authid as authid
    where authid.rolname = wanted and authid.rolcanlogin and not authid.rolsuper and not authid.rolreplication
  $$;
revoke all on function pgbouncer.get_auth(text) from public;
grant execute on function pgbouncer.get_auth(text) to sv_pgbouncer;
