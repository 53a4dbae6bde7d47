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
CREATE TABLE "auth"."mail_limits" (
	"identifier" text PRIMARY KEY NOT NULL,
	"mails" integer NOT NULL,
	"window_started_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"last_mail_at" timestamp (3) with time zone DEFAULT now() NOT NULL
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
CREATE INDEX "mail_limits_window_started_at_idx" ON "auth"."mail_limits" USING btree ("window_started_at");--> statement-breakpoint
CREATE INDEX "sessions_expires_at_idx" ON "auth"."sessions" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "users_name_idx" ON "auth"."users" USING btree (lower(name),"id") WHERE deleted_at is null;--> statement-breakpoint
CREATE INDEX "users_role_email_idx" ON "auth"."users" USING btree ((role || ' ' || email)) WHERE deleted_at is null;--> statement-breakpoint
CREATE INDEX "users_role_name_idx" ON "auth"."users" USING btree ((role || ' ' || lower(name)),"id") WHERE deleted_at is null;--> statement-breakpoint
CREATE INDEX "verifications_expires_at_idx" ON "auth"."verifications" USING btree ("expires_at");--> statement-breakpoint
DROP INDEX "auth"."verifications_identifier_idx";--> statement-breakpoint
CREATE UNIQUE INDEX "verifications_identifier_key" ON "auth"."verifications" USING btree ("identifier");--> statement-breakpoint
CREATE UNIQUE INDEX "verifications_value_key" ON "auth"."verifications" USING btree ("value");--> statement-breakpoint
-- Until now the tokens themselves stood here; whoever is signed in stays so.
UPDATE auth.sessions SET token = encode(sha256(token::bytea), 'hex');
--> statement-breakpoint
-- Runs once per statement, so that a COPY of a million users costs one addition per role.
CREATE FUNCTION auth.count_users() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
  roles text[];
  changes bigint[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT array_agg(role), array_agg(change) INTO roles, changes
    FROM (SELECT role, count(*) AS change FROM added WHERE deleted_at IS NULL GROUP BY role) c;
  ELSIF TG_OP = 'DELETE' THEN
    SELECT array_agg(role), array_agg(change) INTO roles, changes
    FROM (SELECT role, -count(*) AS change FROM removed WHERE deleted_at IS NULL GROUP BY role) c;
  ELSE
    SELECT array_agg(role), array_agg(change) INTO roles, changes
    FROM (SELECT role, sum(change) AS change
          FROM (SELECT role, 1 AS change FROM added WHERE deleted_at IS NULL
                UNION ALL SELECT role, -1 FROM removed WHERE deleted_at IS NULL) sides
          GROUP BY role HAVING sum(change) <> 0) c;
  END IF;
  FOR i IN 1 .. coalesce(cardinality(roles), 0) LOOP
    -- Any row of the role that no other transaction holds, so that nobody waits for anybody, and no two can deadlock.
    UPDATE auth.user_counts SET live = live + changes[i]
    WHERE (role, slot) = (SELECT role, slot FROM auth.user_counts WHERE role = roles[i]
                          LIMIT 1 FOR UPDATE SKIP LOCKED);
    IF NOT FOUND THEN
      -- Should two draw the same number at the same moment, one waits.
      INSERT INTO auth.user_counts AS c (role, slot, live) VALUES (roles[i], floor(random() * 32768), changes[i])
        ON CONFLICT (role, slot) DO UPDATE SET live = c.live + excluded.live;
    END IF;
  END LOOP;
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
-- TRUNCATE has no transition tables. It locks out every other change, so there is nobody to wait for.
CREATE FUNCTION auth.forget_user_counts() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
  DELETE FROM auth.user_counts;
  RETURN NULL;
END
$$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION auth.forget_user_counts() FROM PUBLIC;
--> statement-breakpoint
CREATE TRIGGER count_users_truncate AFTER TRUNCATE ON auth.users
  FOR EACH STATEMENT EXECUTE FUNCTION auth.forget_user_counts();
--> statement-breakpoint
INSERT INTO auth.user_counts (role, slot, live)
  SELECT role, 0, count(*) FROM auth.users WHERE deleted_at IS NULL GROUP BY role;
--> statement-breakpoint
-- The trigger's alone.
REVOKE INSERT, UPDATE, DELETE ON auth.user_counts FROM sv_app;
