import { randomBytes } from 'node:crypto';
import { type Db, emailPreferences, type Tx } from '@sv-sdk/db';
import { and, eq, ne, sql } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';

/** 256 bits: nobody guesses one. */
const TOKEN_BYTES = 32;
/** What a token looks like; anything else is asked of no database. */
export const UNSUBSCRIBE_TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** Where whoever got a marketing email unsubscribes; `baseUrl` is BETTER_AUTH_URL. */
export function unsubscribeUrl(baseUrl: string, token: string): string {
  return `${baseUrl.replace(/\/+$/, '')}/unsubscribe/${token}`;
}

/**
 * The headers that let a mail program unsubscribe by one click (RFC 8058). It sends a POST of
 * {@link ONE_CLICK_BODY} to the URL, without a cookie and without a person.
 */
export function unsubscribeHeaders(url: string): Readonly<Record<string, string>> {
  return { 'List-Unsubscribe': `<${url}>`, 'List-Unsubscribe-Post': ONE_CLICK_BODY };
}

export const ONE_CLICK_BODY = 'List-Unsubscribe=One-Click';

/**
 * Sees to it that each of these addresses has its preferences, and with them a token, before the first marketing
 * email to it is accepted: at the claim the row is there, and there is nothing to be made in a hurry.
 */
export async function ensurePreferences(tx: Tx, addresses: Iterable<string>): Promise<void> {
  // In order: two batches with the same addresses wait for one another, and not each for the other.
  const emails = [...new Set([...addresses].map((address) => address.toLowerCase()))];
  if (emails.length === 0) return;
  const rows = emails.map((email) => ({
    id: uuidv7(),
    email,
    unsubscribe_token: randomBytes(TOKEN_BYTES).toString('base64url'),
  }));
  // One parameter whatever their number, and those that are there cost no lock. In order: two batches with the same
  // addresses wait for one another, and not each for the other.
  await tx.execute(sql`
    insert into ${emailPreferences} (id, email, unsubscribe_token)
    select id, email, unsubscribe_token
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as new (id text, email text, unsubscribe_token text)
    where not exists (select from ${emailPreferences} as known where known.email = new.email)
    order by email
    on conflict (email) do nothing`);
}

/** What an address wants to be sent. Transactional mail is no matter of wanting. */
export type EmailPreferences = Pick<
  typeof emailPreferences.$inferSelect,
  'id' | 'email' | 'marketing' | 'unsubscribedAt'
>;

const columns = {
  id: emailPreferences.id,
  email: emailPreferences.email,
  marketing: emailPreferences.marketing,
  unsubscribedAt: emailPreferences.unsubscribedAt,
};

/** By the token of the address' links, or by the address. */
export type PreferencesKey = { readonly token: string } | { readonly email: string };

const isOf = (key: PreferencesKey) =>
  'token' in key
    ? eq(emailPreferences.unsubscribeToken, key.token)
    : eq(emailPreferences.email, key.email.toLowerCase());

/** Undefined: nobody has this token, or the address has said nothing yet. */
export async function findPreferences(
  db: Db | Tx,
  key: PreferencesKey,
): Promise<EmailPreferences | undefined> {
  const [preferences] = await db.select(columns).from(emailPreferences).where(isOf(key));
  return preferences;
}

/** Answers what there is from now on; undefined: nothing changed, as it was so already or there is no such row. */
export async function setMarketing(
  tx: Tx,
  key: PreferencesKey,
  marketing: boolean,
): Promise<EmailPreferences | undefined> {
  const [changed] = await tx
    .update(emailPreferences)
    .set({ marketing, unsubscribedAt: marketing ? null : sql`now()` })
    .where(and(isOf(key), ne(emailPreferences.marketing, marketing)))
    .returning(columns);
  return changed;
}
