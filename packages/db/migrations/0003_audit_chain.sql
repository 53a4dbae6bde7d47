CREATE TABLE "audit"."chain_head" (
	"only" smallint PRIMARY KEY DEFAULT 1 NOT NULL,
	"sequence" bigint NOT NULL,
	"hash" text NOT NULL,
	"signature" text,
	"sealed_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "chain_head_only_check" CHECK ("audit"."chain_head"."only" = 1)
);
--> statement-breakpoint
CREATE TABLE "audit"."dropped_partitions" (
	"name" text PRIMARY KEY NOT NULL,
	"first_sequence" bigint NOT NULL,
	"last_sequence" bigint NOT NULL,
	"last_hash" text NOT NULL,
	"row_count" bigint NOT NULL,
	"signature" text NOT NULL,
	"dropped_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
DROP INDEX "audit"."audit_logs_user_id_idx";--> statement-breakpoint
CREATE INDEX "audit_logs_user_id_event_type_idx" ON "audit"."audit_logs" USING btree ("user_id","event_type","created_at");--> statement-breakpoint
CREATE INDEX "audit_logs_unsealed_idx" ON "audit"."audit_logs" USING btree ("created_at","id") WHERE sequence is null;--> statement-breakpoint
-- Unique within a partition: an index of the whole table would have to hold created_at, and be unique in nothing.
-- That no two partitions hold the same sequence is seen to by the lock on chain_head, and verified.
DO $$
DECLARE
  partition_name text;
BEGIN
  FOR partition_name IN
    SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'audit.audit_logs'::regclass
  LOOP
    EXECUTE format('CREATE UNIQUE INDEX %I ON audit.%I (sequence) WHERE sequence IS NOT NULL',
      partition_name || '_sequence_key', partition_name);
  END LOOP;
END
$$;
--> statement-breakpoint
-- As in 0001, and makes that index.
CREATE OR REPLACE FUNCTION audit.create_partitions(first_month date, month_count integer) RETURNS integer
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
    EXECUTE format('CREATE UNIQUE INDEX %I ON audit.%I (sequence) WHERE sequence IS NOT NULL',
      partition_name || '_sequence_key', partition_name);
    EXECUTE format('ALTER TABLE audit.audit_logs ATTACH PARTITION audit.%I FOR VALUES FROM (%L) TO (%L)',
      partition_name, month_start, month_end);
    made := made + 1;
  END LOOP;
  RETURN made;
END
$$;
--> statement-breakpoint
-- Drops the oldest monthly partition and writes down where the chain goes on. What the caller has verified, counted
-- and signed (`partition_*`) must be what is found here. Refuses, with SQLSTATE 55000: a month that ended less than a
-- month ago, whatever the caller's retention is; a month that isn't the oldest; rows that are not sealed yet; sequences
-- that lie on both sides of another partition's.
CREATE FUNCTION audit.drop_partition(
  month date, partition_last_sequence bigint, partition_last_hash text, partition_row_count bigint,
  partition_signature text
) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET timezone = 'UTC'
  -- DROP TABLE locks out every reader and writer of the whole log for a moment; nobody waits for that moment longer
  -- than a second. Whoever is in the way has ended by the next try.
  SET lock_timeout = '1s'
AS $$
DECLARE
  month_start date := date_trunc('month', month)::date;
  partition_name text := 'audit_logs_' || to_char(month_start, 'YYYY_MM');
  partition_id oid := to_regclass(format('audit.%I', partition_name));
  previous_last bigint;
  previous_hash text;
  found_first bigint;
  found_last bigint;
  found_hash text;
  is_found boolean;
BEGIN
  IF partition_id IS NULL THEN
    RAISE EXCEPTION 'there is no partition %', partition_name USING ERRCODE = '55000';
  END IF;
  IF month_start + interval '2 months' > now() AT TIME ZONE 'UTC' THEN
    RAISE EXCEPTION '% ended less than a month ago', partition_name USING ERRCODE = '55000';
  END IF;
  LOCK TABLE audit.audit_logs IN SHARE UPDATE EXCLUSIVE MODE;
  IF EXISTS (SELECT FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
             WHERE inhparent = 'audit.audit_logs'::regclass AND relname ~ '^audit_logs_\d{4}_\d{2}$'
               AND relname < partition_name) THEN
    RAISE EXCEPTION '% is not the oldest partition', partition_name USING ERRCODE = '55000';
  END IF;
  SELECT last_sequence, last_hash INTO previous_last, previous_hash
    FROM audit.dropped_partitions ORDER BY name DESC LIMIT 1;
  previous_last := coalesce(previous_last, 0);
  previous_hash := coalesce(previous_hash, '');

  EXECUTE format('SELECT EXISTS (SELECT FROM audit.%I WHERE sequence IS NULL)', partition_name) INTO is_found;
  IF is_found THEN
    RAISE EXCEPTION '% has rows that are not sealed', partition_name USING ERRCODE = '55000';
  END IF;
  EXECUTE format('SELECT min(sequence), max(sequence) FROM audit.%I', partition_name) INTO found_first, found_last;
  IF found_last IS NULL THEN
    found_last := previous_last;
    found_hash := previous_hash;
  ELSE
    EXECUTE format('SELECT hash FROM audit.%I WHERE sequence = $1', partition_name) INTO found_hash USING found_last;
    SELECT EXISTS (SELECT FROM audit.audit_logs WHERE sequence <= found_last AND tableoid <> partition_id) INTO is_found;
    IF is_found OR found_first <= previous_last THEN
      RAISE EXCEPTION 'the sequences of % are interleaved with those of another partition', partition_name
        USING ERRCODE = '55000';
    END IF;
  END IF;
  IF (found_last, found_hash) IS DISTINCT FROM (partition_last_sequence, partition_last_hash)
     OR partition_row_count NOT BETWEEN 0 AND found_last - previous_last THEN
    RAISE EXCEPTION '% is not what was verified', partition_name USING ERRCODE = '55000';
  END IF;

  INSERT INTO audit.dropped_partitions (name, first_sequence, last_sequence, last_hash, row_count, signature)
    VALUES (partition_name, previous_last + 1, found_last, found_hash, partition_row_count, partition_signature);
  EXECUTE format('DROP TABLE audit.%I', partition_name);
END
$$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION audit.drop_partition(date, bigint, text, bigint, text) FROM PUBLIC;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION audit.drop_partition(date, bigint, text, bigint, text) TO sv_app;
--> statement-breakpoint
INSERT INTO audit.chain_head (sequence, hash) VALUES (0, '');
--> statement-breakpoint
-- What an app may do to the log: write rows, read them, and put the seal on them; nothing to a partition by its name.
ALTER DEFAULT PRIVILEGES IN SCHEMA audit REVOKE SELECT, INSERT, UPDATE, DELETE ON TABLES FROM sv_app;
--> statement-breakpoint
REVOKE ALL ON ALL TABLES IN SCHEMA audit FROM sv_app;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE (sequence, hash) ON audit.audit_logs TO sv_app;
--> statement-breakpoint
GRANT SELECT, UPDATE (sequence, hash, signature, sealed_at) ON audit.chain_head TO sv_app;
--> statement-breakpoint
GRANT SELECT ON audit.dropped_partitions TO sv_app;
--> statement-breakpoint
-- A row gets the time at which its transaction began, and is sealed 25 s later: whoever commits after that would land
-- behind what is sealed. bootstrap.sql bounds sv_app; this bounds it where the cluster is older than that line. The
-- longest statement (15 s) fits in.
DO $$
BEGIN
  EXECUTE format('ALTER DATABASE %I SET transaction_timeout = %L', current_database(), '20s');
END
$$;
