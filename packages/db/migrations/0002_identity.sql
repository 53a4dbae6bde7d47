CREATE TABLE "auth"."idempotency_keys" (
	"principal_id" text NOT NULL,
	"key" text NOT NULL,
	"request_hash" text NOT NULL,
	"status" smallint,
	"answer" "bytea",
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY("principal_id","key")
);
--> statement-breakpoint
CREATE TABLE "auth"."login_attempts" (
	"identifier" text PRIMARY KEY NOT NULL,
	"failures" integer NOT NULL,
	"window_started_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"locked_until" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "auth"."stale_cache_keys" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "auth"."stale_cache_keys_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"keys" text[] NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "auth"."user_counts" (
	"role" text NOT NULL,
	"slot" smallint NOT NULL,
	"live" bigint NOT NULL,
	CONSTRAINT "user_counts_pkey" PRIMARY KEY("role","slot")
);
--> statement-breakpoint
ALTER TABLE "auth"."api_keys" ADD COLUMN "rate_limit_per_minute" integer;--> statement-breakpoint
CREATE INDEX "idempotency_keys_expires_at_idx" ON "auth"."idempotency_keys" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "login_attempts_window_started_at_idx" ON "auth"."login_attempts" USING btree ("window_started_at");--> statement-breakpoint
CREATE INDEX "sessions_expires_at_idx" ON "auth"."sessions" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "users_email_prefix_idx" ON "auth"."users" USING btree ("email" text_pattern_ops,"id") WHERE deleted_at is null;--> statement-breakpoint
CREATE INDEX "users_name_prefix_idx" ON "auth"."users" USING btree (lower(name) text_pattern_ops,"id") WHERE deleted_at is null;--> statement-breakpoint
CREATE INDEX "verifications_expires_at_idx" ON "auth"."verifications" USING btree ("expires_at");--> statement-breakpoint
-- Until now the tokens themselves stood here; whoever is signed in stays so.
UPDATE auth.sessions SET token = encode(sha256(token::bytea), 'hex');
--> statement-breakpoint
-- Runs once per statement, so that a COPY of a million users costs one addition per role.
CREATE FUNCTION auth.count_users() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
  -- The slot of this backend: others' transactions seldom wait for it. 64 slots for a few dozen backends.
  IF TG_OP = 'INSERT' THEN
    INSERT INTO auth.user_counts AS c (role, slot, live)
      SELECT role, pg_backend_pid() % 64, count(*) FROM added WHERE deleted_at IS NULL GROUP BY role ORDER BY role
      ON CONFLICT (role, slot) DO UPDATE SET live = c.live + excluded.live;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO auth.user_counts AS c (role, slot, live)
      SELECT role, pg_backend_pid() % 64, -count(*) FROM removed WHERE deleted_at IS NULL GROUP BY role ORDER BY role
      ON CONFLICT (role, slot) DO UPDATE SET live = c.live + excluded.live;
  ELSE
    INSERT INTO auth.user_counts AS c (role, slot, live)
      SELECT role, pg_backend_pid() % 64, sum(change)
      FROM (SELECT role, 1 AS change FROM added WHERE deleted_at IS NULL
            UNION ALL SELECT role, -1 FROM removed WHERE deleted_at IS NULL) changes
      GROUP BY role HAVING sum(change) <> 0 ORDER BY role
      ON CONFLICT (role, slot) DO UPDATE SET live = c.live + excluded.live;
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
-- EXECUTE on a trigger function is only asked for when the trigger is made.
REVOKE ALL ON FUNCTION auth.count_users() FROM PUBLIC;
--> statement-breakpoint
CREATE TRIGGER count_users_insert AFTER INSERT ON auth.users
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION auth.count_users();
--> statement-breakpoint
CREATE TRIGGER count_users_update AFTER UPDATE ON auth.users
  REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION auth.count_users();
--> statement-breakpoint
CREATE TRIGGER count_users_delete AFTER DELETE ON auth.users
  REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION auth.count_users();
--> statement-breakpoint
INSERT INTO auth.user_counts (role, slot, live)
  SELECT role, 0, count(*) FROM auth.users WHERE deleted_at IS NULL GROUP BY role;
--> statement-breakpoint
-- The trigger's alone.
REVOKE INSERT, UPDATE, DELETE ON auth.user_counts FROM sv_app;
