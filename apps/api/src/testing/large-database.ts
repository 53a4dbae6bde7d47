/** Rows of every table that grows with use, many enough that Postgres takes an index where there is a fitting one. */

/** A table with more rows than this is large. */
export const LARGE_ROWS = 10_000;

/** How people and machines use the platform decides nothing about the size of these. */
export const SMALL_TABLES: Readonly<Record<string, string>> = {
  'permissions.roles': 'made by administrators, tens of them',
  'email.email_templates': 'made by people, some versions of tens of them',
  'auth.user_counts': 'a few rows a role',
  'audit.chain_head': 'one row',
  'audit.dropped_partitions': 'one row a month',
};

/** The tests find this user, who owns as much as anybody. */
export const SEEDED_USER = 'seed-0000001';

const ROWS = 50_000;
const id = "'seed-' || lpad(i::text, 7, '0')";
/** Some 90 days of it, in no order. */
const time = 'now() - make_interval(secs => (i * 7919::bigint) % 7776000)';
const address = `'seed-' || i || '@example.org'`;
/** Twenty of everything to a user: many have none. */
const someUser = `'seed-' || lpad((1 + i % ${ROWS / 20})::text, 7, '0')`;

/**
 * As it would be after months, and made to mislead: most emails were delivered, few have any other end; all are of three
 * templates but for some. In one transaction without triggers and foreign keys, which would take most of its time.
 */
export const SEED = `
  begin;
  set local session_replication_role = replica;
  set local synchronous_commit = off;

  insert into auth.users (id, email, name, role, created_at, deleted_at)
    select ${id}, ${address}, 'User ' || i, case when i % 50 = 0 then 'manager' else 'user' end, ${time},
           case when i % 20 = 3 then now() end from generate_series(1, ${ROWS}) i;
  insert into auth.user_counts (role, slot, live)
    select role, 0, count(*) from auth.users where deleted_at is null and id like 'seed-%' group by role
    on conflict (role, slot) do update set live = user_counts.live + excluded.live;
  insert into permissions.user_roles (user_id, role_id, granted_at)
    select users.id, roles.id, users.created_at from auth.users join permissions.roles on roles.name = users.role
    where users.id like 'seed-%';
  insert into auth.accounts (id, user_id, account_id, provider_id, password)
    select ${id}, ${id}, ${id}, 'credential', 'no hash' from generate_series(1, ${ROWS}) i;
  insert into auth.sessions (id, user_id, token, expires_at, created_at)
    select ${id}, ${someUser}, md5(i::text), now() + interval '7 days', ${time} from generate_series(1, ${ROWS}) i;
  insert into auth.api_keys (id, user_id, name, prefix, hash, created_at)
    select ${id}, ${someUser}, 'key', 'sv_', md5(i::text), ${time} from generate_series(1, ${ROWS}) i;
  insert into auth.verifications (id, identifier, value, expires_at)
    select ${id}, 'verify_email:' || ${id}, md5(i::text), now() + interval '1 day' from generate_series(1, ${ROWS}) i;
  insert into auth.login_attempts (identifier, failures) select md5(i::text), 1 from generate_series(1, ${ROWS}) i;
  insert into auth.mail_limits (identifier, mails) select md5(i::text), 1 from generate_series(1, ${ROWS}) i;
  insert into auth.idempotency_keys (principal_id, key, request_hash, status, expires_at)
    select ${someUser}, md5(i::text), md5(i::text), 200, now() + interval '1 day' from generate_series(1, ${ROWS}) i;
  insert into auth.stale_cache_keys (keys) select array['user:' || i] from generate_series(1, ${LARGE_ROWS * 2}) i;

  insert into email.email_sends (id, recipient, template, variables, status, requested_by, idempotency_key, attempts,
                                 provider, message_id, created_at, sent_at, delivered_at, uncertain_at)
    select ${id}, ${address}, case when i % 1000 = 0 then 'invite' else 'notification' end, '{}',
           (case when i % 500 = 1 then 'bounced' when i % 500 = 2 then 'failed' when i % 500 = 3 then 'suppressed'
                 when i % 500 = 4 then 'cancelled' when i % 500 = 5 then 'uncertain' when i % 500 = 6 then 'queued'
                 when i % 500 = 7 then 'sent' else 'delivered' end)::email.email_status,
           ${someUser}, case when i % 10 = 0 then md5(i::text) end, 1, 'smtp', '<' || i || '@example.org>', ${time},
           ${time}, ${time}, case when i % 500 = 5 then now() end
    from generate_series(1, ${ROWS * 2}) i;
  insert into email.email_attempts (email_send_id, number, started_at, outcome)
    select ${id}, 1, ${time}, 'sent' from generate_series(1, ${ROWS * 2}) i;
  insert into email.email_attachments (id, email_send_id, position, filename, content_type, content)
    select ${id}, ${id}, 0, 'a.txt', 'text/plain', 'a' from generate_series(1, ${ROWS}) i;
  insert into email.email_outbox (email_send_id, priority, due_at)
    select ${id}, 5, now() + interval '1 day' from generate_series(1, ${LARGE_ROWS * 2}) i;
  insert into email.email_webhooks (id, provider, event_id, event_type, payload, processed, received_at)
    select ${id}, 'ses', ${id}, 'delivered', '{}', true, ${time} from generate_series(1, ${ROWS}) i;
  insert into email.email_preferences (id, email, unsubscribe_token)
    select ${id}, ${address}, md5(i::text) from generate_series(1, ${ROWS}) i;
  insert into email.email_suppressions (id, email, reason, created_by, created_at)
    select ${id}, ${address}, 'manual', ${someUser}, ${time} from generate_series(1, ${ROWS}) i;

  select audit.create_partitions((now() - interval '3 months')::date, 4);
  insert into audit.audit_logs (id, created_at, event_type, user_id, metadata, sequence, hash)
    select ${id}, ${time}, case when i % 5000 = 0 then 'role.granted' else 'auth.login' end, ${someUser}, '{}', i, md5(i::text)
    from generate_series(1, ${ROWS * 3}) i;
  commit`;
