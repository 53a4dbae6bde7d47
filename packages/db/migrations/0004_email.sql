CREATE TYPE "email"."email_kind" AS ENUM('transactional', 'marketing');
--> statement-breakpoint
ALTER TYPE "email"."email_status" ADD VALUE 'suppressed';
--> statement-breakpoint
ALTER TYPE "email"."email_status" ADD VALUE 'cancelled';
--> statement-breakpoint
ALTER TYPE "email"."email_status" ADD VALUE 'uncertain';
--> statement-breakpoint
CREATE TABLE "email"."email_attachments" (
	"id" text PRIMARY KEY NOT NULL,
	"email_send_id" text NOT NULL,
	"position" smallint NOT NULL,
	"filename" text NOT NULL,
	"content_type" text NOT NULL,
	"content" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "email"."email_attempts" (
	"email_send_id" text NOT NULL,
	"number" integer NOT NULL,
	"started_at" timestamp (3) with time zone NOT NULL,
	"ended_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"provider" text,
	"outcome" text NOT NULL,
	"message_id" text,
	"error_message" text,
	CONSTRAINT "email_attempts_email_send_id_number_pk" PRIMARY KEY("email_send_id","number")
);
--> statement-breakpoint
-- What is queued gets a row of the outbox's new form, so that nothing accepted before is lost. Its job may be in the
-- queue already: may_have_job says so.
DROP TABLE "email"."email_outbox";
--> statement-breakpoint
CREATE TABLE "email"."email_outbox" (
	"email_send_id" text PRIMARY KEY NOT NULL,
	"priority" smallint NOT NULL,
	"due_at" timestamp (3) with time zone NOT NULL,
	"relayed_at" timestamp (3) with time zone,
	"may_have_job" boolean DEFAULT false NOT NULL,
	CONSTRAINT "email_outbox_email_send_id_email_sends_id_fk" FOREIGN KEY ("email_send_id") REFERENCES "email"."email_sends"("id") ON DELETE cascade
);
--> statement-breakpoint
INSERT INTO "email"."email_outbox" ("email_send_id", "priority", "due_at", "may_have_job")
	SELECT "id", "priority", coalesce("send_at", "created_at"), true FROM "email"."email_sends" WHERE "status" = 'queued';
--> statement-breakpoint
-- Rows come and go here by the thousand a second; the default (a fifth of the table) is for tables that grow.
ALTER TABLE "email"."email_outbox" SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);
--> statement-breakpoint
-- Room for the claim of every row on its own page: then it writes to none of the table's indexes (HOT), and 0.2 kB of WAL
-- in place of 1 kB.
ALTER TABLE "email"."email_sends" SET (fillfactor = 50);
--> statement-breakpoint
ALTER TABLE "email"."email_sends" ADD COLUMN "template_id" text;
--> statement-breakpoint
ALTER TABLE "email"."email_sends" ADD COLUMN "kind" "email"."email_kind" DEFAULT 'transactional' NOT NULL;
--> statement-breakpoint
ALTER TABLE "email"."email_sends" ADD COLUMN "max_attempts" smallint DEFAULT 3 NOT NULL;
--> statement-breakpoint
ALTER TABLE "email"."email_sends" ADD COLUMN "suppressed_at" timestamp (3) with time zone;
--> statement-breakpoint
ALTER TABLE "email"."email_sends" ADD COLUMN "cancelled_at" timestamp (3) with time zone;
--> statement-breakpoint
ALTER TABLE "email"."email_sends" ADD COLUMN "complained_at" timestamp (3) with time zone;
--> statement-breakpoint
ALTER TABLE "email"."email_sends" ADD COLUMN "uncertain_at" timestamp (3) with time zone;
--> statement-breakpoint
ALTER TABLE "email"."email_suppressions" ADD COLUMN "detail" text;
--> statement-breakpoint
ALTER TABLE "email"."email_suppressions" ADD COLUMN "email_send_id" text;
--> statement-breakpoint
ALTER TABLE "email"."email_suppressions" ADD COLUMN "created_by" text;
--> statement-breakpoint
ALTER TABLE "email"."email_templates" ADD COLUMN "html" text;
--> statement-breakpoint
ALTER TABLE "email"."email_templates" ADD COLUMN "kind" "email"."email_kind" DEFAULT 'transactional' NOT NULL;
--> statement-breakpoint
ALTER TABLE "email"."email_templates" ADD COLUMN "holds_secrets" boolean DEFAULT false NOT NULL;
--> statement-breakpoint
ALTER TABLE "email"."email_templates" ADD COLUMN "created_by" text;
--> statement-breakpoint
ALTER TABLE "email"."email_webhooks" ADD COLUMN "email_send_id" text;
--> statement-breakpoint
ALTER TABLE "email"."email_webhooks" ADD COLUMN "recipient" text;
--> statement-breakpoint
ALTER TABLE "email"."email_webhooks" ADD COLUMN "occurred_at" timestamp (3) with time zone;
--> statement-breakpoint
ALTER TABLE "email"."email_webhooks" ADD COLUMN "apply_at" timestamp (3) with time zone DEFAULT now() NOT NULL;
--> statement-breakpoint
ALTER TABLE "email"."email_webhooks" ADD COLUMN "processed_at" timestamp (3) with time zone;
--> statement-breakpoint
ALTER TABLE "email"."email_attachments" ADD CONSTRAINT "email_attachments_email_send_id_email_sends_id_fk" FOREIGN KEY ("email_send_id") REFERENCES "email"."email_sends"("id") ON DELETE cascade ON UPDATE no action;
--> statement-breakpoint
ALTER TABLE "email"."email_attempts" ADD CONSTRAINT "email_attempts_email_send_id_email_sends_id_fk" FOREIGN KEY ("email_send_id") REFERENCES "email"."email_sends"("id") ON DELETE cascade ON UPDATE no action;
--> statement-breakpoint
CREATE UNIQUE INDEX "email_attachments_email_send_id_position_key" ON "email"."email_attachments" USING btree ("email_send_id","position");
--> statement-breakpoint
ALTER TABLE "email"."email_sends" ADD CONSTRAINT "email_sends_template_id_email_templates_id_fk" FOREIGN KEY ("template_id") REFERENCES "email"."email_templates"("id") ON DELETE restrict ON UPDATE no action;
--> statement-breakpoint
ALTER TABLE "email"."email_suppressions" ADD CONSTRAINT "email_suppressions_created_by_users_id_fk" FOREIGN KEY ("created_by") REFERENCES "auth"."users"("id") ON DELETE set null ON UPDATE no action;
--> statement-breakpoint
ALTER TABLE "email"."email_templates" ADD CONSTRAINT "email_templates_created_by_users_id_fk" FOREIGN KEY ("created_by") REFERENCES "auth"."users"("id") ON DELETE set null ON UPDATE no action;
--> statement-breakpoint
CREATE INDEX "email_outbox_waiting_idx" ON "email"."email_outbox" USING btree ("priority","due_at") WHERE relayed_at is null;
--> statement-breakpoint
CREATE INDEX "email_outbox_relayed_idx" ON "email"."email_outbox" USING btree ("relayed_at") WHERE relayed_at is not null;
--> statement-breakpoint
CREATE INDEX "email_sends_recipient_idx" ON "email"."email_sends" USING btree (lower("recipient"),"created_at");
--> statement-breakpoint
CREATE INDEX "email_sends_status_created_at_idx" ON "email"."email_sends" USING btree ("status","created_at","id") WHERE status not in ('queued', 'sent', 'delivered');
--> statement-breakpoint
CREATE INDEX "email_sends_template_id_idx" ON "email"."email_sends" USING btree ("template_id");
--> statement-breakpoint
CREATE INDEX "email_sends_uncertain_at_idx" ON "email"."email_sends" USING btree ("uncertain_at") WHERE uncertain_at is not null;
--> statement-breakpoint
CREATE INDEX "email_suppressions_created_at_id_idx" ON "email"."email_suppressions" USING btree ("created_at","id");
--> statement-breakpoint
CREATE INDEX "email_suppressions_created_by_idx" ON "email"."email_suppressions" USING btree ("created_by") WHERE created_by is not null;
--> statement-breakpoint
CREATE INDEX "email_templates_created_by_idx" ON "email"."email_templates" USING btree ("created_by") WHERE created_by is not null;
--> statement-breakpoint
CREATE INDEX "email_webhooks_unprocessed_idx" ON "email"."email_webhooks" USING btree ("apply_at") WHERE not processed;
--> statement-breakpoint
CREATE INDEX "email_webhooks_received_at_idx" ON "email"."email_webhooks" USING btree ("received_at");
--> statement-breakpoint
UPDATE "email"."email_sends" AS send SET "template_id" = (
	SELECT "id" FROM "email"."email_templates" AS template
	WHERE template."name" = send."template" AND template."locale" = send."locale" AND template."is_active"
	ORDER BY template."version" DESC LIMIT 1)
	WHERE send."status" = 'queued';
--> statement-breakpoint
-- The seeded template for marketing knew no kinds yet, and had callers make the link. Its second version comes with the
-- seeds; going back to this one must not make it transactional.
UPDATE "email"."email_templates" SET "kind" = 'marketing', "variables" = array_remove("variables", 'unsubscribeUrl')
	WHERE "name" = 'marketing' AND "version" = 1;
