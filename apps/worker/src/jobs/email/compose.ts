import { type Database, emailAttachments } from '@sv-sdk/db';
import { TemplateError, type TemplateStore, unsubscribeHeaders, unsubscribeUrl } from '@sv-sdk/email';
import { asc, eq } from 'drizzle-orm';
import type { Attachment, OutgoingEmail } from '../../providers/provider.ts';
import type { ClaimedEmail } from './claim.ts';

export interface ComposeOptions {
  readonly db: Database;
  readonly templates: TemplateStore;
  /** Where people reach the platform, for the links to unsubscribe. */
  readonly publicUrl: string;
}

/** What goes out: rendered from the version that it was asked for with. Throws TemplateError. */
export async function composeEmail(options: ComposeOptions, email: ClaimedEmail): Promise<OutgoingEmail> {
  const { db, templates } = options;
  // Without an id: accepted before templates had versions, and none of its name was in use then.
  const templateId = email.templateId ?? (await templates.find(email.template, email.locale))?.id;
  const template = templateId === undefined ? undefined : await templates.byId(templateId);
  if (template === undefined) throw new TemplateError(`there is no active template "${email.template}"`);
  const unsubscribe = unsubscribing(options, email);
  const { subject, html, text } = template.render({ ...email.variables, ...unsubscribe.variables });
  return {
    id: email.id,
    to: email.recipient,
    subject,
    html,
    text,
    headers: unsubscribe.headers,
    attachments: email.hasAttachments ? await loadAttachments(db, email.id) : [],
  };
}

interface Unsubscribing {
  readonly variables: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
}

const NOTHING: Unsubscribing = { variables: {}, headers: {} };

/** RFC 8058: what mail programs make their button of, and what large receivers demand of marketing. */
function unsubscribing({ publicUrl }: ComposeOptions, email: ClaimedEmail): Unsubscribing {
  if (email.kind !== 'marketing') return NOTHING;
  // Acceptance makes the token. Whoever deleted it since has deleted the person's wish with it.
  if (email.unsubscribeToken === null)
    throw new TemplateError('the recipient has no token to unsubscribe with');
  const url = unsubscribeUrl(publicUrl, email.unsubscribeToken);
  return { variables: { unsubscribeUrl: url }, headers: unsubscribeHeaders(url) };
}

async function loadAttachments(db: Database, emailSendId: string): Promise<Attachment[]> {
  return await db
    .write()
    .select({
      filename: emailAttachments.filename,
      contentType: emailAttachments.contentType,
      content: emailAttachments.content,
    })
    .from(emailAttachments)
    .where(eq(emailAttachments.emailSendId, emailSendId))
    .orderBy(asc(emailAttachments.position));
}
