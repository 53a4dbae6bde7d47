/** For tests: says which rows were changed, by triggers, so that "nothing was changed" is one small query. */
import pg from 'pg';

export interface ChangeLog {
  /** What was committed since the last call, `UPDATE auth.users`; each once. */
  take(): Promise<string[]>;
  close(): Promise<void>;
}

/**
 * Tables that a refusal writes to by design: its audit row, the attempts that it counts, the answer that is kept
 * for its Idempotency-Key.
 */
const BOOKKEEPING = [
  'audit.audit_logs',
  'auth.login_attempts',
  'auth.idempotency_keys',
  'auth.stale_cache_keys',
];

/** Watches every table of a test's database but the {@link BOOKKEEPING}. `adminUrl`: as the superuser. */
export async function startChangeLog(adminUrl: string): Promise<ChangeLog> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  await client.query('create schema change_log');
  await client.query('create table change_log.changes (change text not null)');
  // In the transaction of the change: what is rolled back was no change. A key's last use is no change of the caller's.
  await client.query(`
    create function change_log.note() returns trigger language plpgsql security definer as $$
    begin
      if tg_op <> 'UPDATE' or to_jsonb(new) - 'last_used_at' <> to_jsonb(old) - 'last_used_at' then
        insert into change_log.changes values (tg_op || ' ' || tg_table_schema || '.' || tg_table_name);
      end if;
      return null;
    end $$`);
  const { rows } = await client.query<{ name: string }>(`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname in ('auth', 'permissions', 'email', 'audit')`);
  const isWatched = (name: string) =>
    !BOOKKEEPING.some((table) => name === table || name.startsWith(`${table}_`));
  for (const { name } of rows.filter((row) => isWatched(row.name))) {
    await client.query(
      `create trigger change_log after insert or update or delete on ${name}
       for each row execute function change_log.note()`,
    );
  }
  return {
    async take() {
      const taken = await client.query<{ change: string }>('delete from change_log.changes returning change');
      return [...new Set(taken.rows.map(({ change }) => change))];
    },
    close: () => client.end(),
  };
}
