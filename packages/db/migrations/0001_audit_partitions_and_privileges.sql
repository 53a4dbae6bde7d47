-- Rows outside every month land here, so that a forgotten partition can never fail a write.
CREATE TABLE audit.audit_logs_default PARTITION OF audit.audit_logs DEFAULT;
--> statement-breakpoint
-- Makes the monthly partitions (UTC) from the month of `first_month` on, and says how many were new. Rows of such a
-- month that went to the default partition are moved over. It belongs to the owner of the tables and may be run by
-- sv_app, so that a job of the worker can make partitions ahead without any right to change the schema otherwise.
CREATE FUNCTION audit.create_partitions(first_month date, month_count integer) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET timezone = 'UTC'
AS $$
DECLARE
  month_start date;
  month_end date;
  partition_name text;
  made integer := 0;
BEGIN
  IF month_count NOT BETWEEN 1 AND 120 THEN
    RAISE EXCEPTION 'month_count must be from 1 to 120, not %', month_count USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- One at a time, while reads and writes go on: this mode conflicts with itself, not with theirs.
  LOCK TABLE audit.audit_logs IN SHARE UPDATE EXCLUSIVE MODE;
  FOR i IN 0 .. month_count - 1 LOOP
    month_start := (date_trunc('month', first_month) + make_interval(months => i))::date;
    month_end := (month_start + interval '1 month')::date;
    partition_name := 'audit_logs_' || to_char(month_start, 'YYYY_MM');
    CONTINUE WHEN to_regclass(format('audit.%I', partition_name)) IS NOT NULL;
    -- Made beside the table and attached: PARTITION OF would lock out every reader and writer of the whole table.
    EXECUTE format('CREATE TABLE audit.%I (LIKE audit.audit_logs INCLUDING ALL)', partition_name);
    LOCK TABLE audit.audit_logs_default IN ACCESS EXCLUSIVE MODE;
    EXECUTE format(
      'WITH moved AS (DELETE FROM audit.audit_logs_default WHERE created_at >= %L AND created_at < %L RETURNING *)
       INSERT INTO audit.%I SELECT * FROM moved', month_start, month_end, partition_name);
    EXECUTE format('ALTER TABLE audit.audit_logs ATTACH PARTITION audit.%I FOR VALUES FROM (%L) TO (%L)',
      partition_name, month_start, month_end);
    made := made + 1;
  END LOOP;
  RETURN made;
END
$$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION audit.create_partitions(date, integer) FROM PUBLIC;
--> statement-breakpoint
-- This month and the next three; every later run of `sdk db migrate` asks again.
SELECT audit.create_partitions((now() AT TIME ZONE 'UTC')::date, 4);
--> statement-breakpoint
GRANT USAGE ON SCHEMA auth, permissions, email, audit TO sv_app;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA auth, permissions, email, audit TO sv_app;
--> statement-breakpoint
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA auth, permissions, email, audit TO sv_app;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION audit.create_partitions(date, integer) TO sv_app;
--> statement-breakpoint
-- And on what later migrations, and create_partitions(), will make.
ALTER DEFAULT PRIVILEGES IN SCHEMA auth, permissions, email, audit GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO sv_app;
--> statement-breakpoint
ALTER DEFAULT PRIVILEGES IN SCHEMA auth, permissions, email, audit GRANT USAGE, SELECT ON SEQUENCES TO sv_app;
