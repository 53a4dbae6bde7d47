-- Runs once in a restored server before anybody can connect, as the superuser: what of the present must hold in the past.
set log_min_error_statement = panic;
set log_min_duration_statement = -1;

-- How the restore was made is no setting of the server.
alter system reset restore_command;
alter system reset recovery_target;
alter system reset recovery_target_time;
alter system reset recovery_target_timeline;
alter system reset recovery_target_action;

-- The secrets are those of today, whatever they were then.
\set postgres `cat "$SECRETS_PATH/postgres_password" 2>/dev/null || :`
\set owner `cat "$SECRETS_PATH/db_owner_password" 2>/dev/null || :`
\set app `cat "$SECRETS_PATH/db_app_password" 2>/dev/null || :`
\set replication `cat "$SECRETS_PATH/db_replication_password" 2>/dev/null || :`
\set pgbouncer `cat "$SECRETS_PATH/db_pgbouncer_password" 2>/dev/null || :`
\set monitor `cat "$SECRETS_PATH/db_monitor_password" 2>/dev/null || :`
select format('alter role %I password %L', role, password)
from (values ('postgres', :'postgres'), ('sv_owner', :'owner'), ('sv_app', :'app'), ('sv_replicator', :'replication'),
             ('sv_pgbouncer', :'pgbouncer'), ('sv_monitor', :'monitor')) as secret (role, password)
join pg_roles on rolname = role
where password <> '' \gexec

\connect sv
select set_config('sv.restored_to', :'restored_to', false), set_config('sv.is_past', :'is_past', false),
       set_config('sv.retry_uncertain', :'retry_uncertain', false) \g /dev/null
set client_min_messages = warning;
begin;
-- Of any version of the schema, also of none.
do $$
declare
  emails bigint := 0;
  sessions bigint := 0;
begin
  if to_regclass('email.email_outbox') is not null and current_setting('sv.is_past')::boolean then
    -- Was due, so it may have gone out after the moment that this is: it is sent again only with that mark, or not at all
    -- (EMAIL_RETRY_UNCERTAIN, as where a worker died while it sent).
    update email.email_sends as send
    set uncertain_at = coalesce(uncertain_at, now()), claimed_at = null, updated_at = now(),
        status = case when current_setting('sv.retry_uncertain')::boolean then status else 'uncertain' end,
        error_message = 'the database was restored to a moment before this was sent, or not sent'
    from email.email_outbox as outbox
    where outbox.email_send_id = send.id and send.status = 'queued' and outbox.due_at <= now();
    get diagnostics emails = row_count;
    delete from email.email_outbox as outbox using email.email_sends as send
    where outbox.email_send_id = send.id and send.status = 'uncertain';
    -- The queue may have finished jobs of them.
    update email.email_outbox set relayed_at = null, may_have_job = true;
  end if;
  if to_regclass('auth.sessions') is not null and current_setting('sv.is_past')::boolean then
    -- One that was ended since would be valid again, and nobody could tell which.
    delete from auth.sessions;
    get diagnostics sessions = row_count;
  end if;
  if to_regprocedure('audit.create_partitions(date, integer)') is not null then
    perform audit.create_partitions((now() at time zone 'UTC')::date, 1);
    insert into audit.audit_logs (id, event_type, metadata)
    values (uuidv7()::text, 'platform.restored', jsonb_build_object('by', 'make restore',
      'restoredTo', current_setting('sv.restored_to'), 'uncertainEmails', emails, 'endedSessions', sessions));
  end if;
  perform set_config('sv.emails', emails::text, false), set_config('sv.sessions', sessions::text, false);
end
$$;
commit;
select format('   %s emails are marked as uncertain, %s sessions were ended', current_setting('sv.emails'), current_setting('sv.sessions'))
where current_setting('sv.is_past')::boolean;
