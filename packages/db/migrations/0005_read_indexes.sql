CREATE INDEX "email_sends_sent_idx" ON "email"."email_sends" USING btree ("created_at","id") WHERE status = 'sent';--> statement-breakpoint
CREATE INDEX "email_sends_delivered_idx" ON "email"."email_sends" USING btree ("created_at","id") WHERE status = 'delivered';--> statement-breakpoint
CREATE INDEX "email_sends_template_created_at_idx" ON "email"."email_sends" USING btree ("template","created_at","id");--> statement-breakpoint
CREATE INDEX "email_suppressions_reason_created_at_idx" ON "email"."email_suppressions" USING btree ("reason","created_at","id");