import { isDeepStrictEqual } from 'node:util';
import { emailAttachments, emailOutbox, emailSends, type Tx } from '@sv-sdk/db';
import { and, inArray, sql } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import { z } from 'zod';
import { EmailInputError } from './errors.ts';
import { DEFAULT_LOCALE } from './locale.ts';
import { findTemplateHeads, type TemplateHead, templateKey } from './templates.ts';
import { ensurePreferences } from './unsubscribe.ts';
import { firstMissingVariable, PLATFORM_VARIABLES } from './variables.ts';

/** The contract's five priorities; 1 is sent first. */
export const PRIORITIES = [1, 3, 5, 7, 9] as const;
export type Priority = (typeof PRIORITIES)[number];
const DEFAULT_PRIORITY: Priority = 5;

/** Rows in one INSERT: 17 values each, and Postgres takes 65,535 values in a statement. */
const INSERT_CHUNK_ROWS = 1000;

export interface EmailAttachment {
  /** As the recipient sees it: no path, no control character. */
  readonly filename: string;
  /** `application/pdf`. */
  readonly contentType: string;
  readonly content: Buffer;
}

export interface EmailInput {
  readonly to: string;
  readonly template: string;
  readonly locale?: string | undefined;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly priority?: Priority | undefined;
  /** Not before; must not be past. */
  readonly sendAt?: Date | undefined;
  readonly attachments?: readonly EmailAttachment[] | undefined;
  /** The user who asks; absent: the platform itself. */
  readonly requestedBy?: string | undefined;
  /**
   * The same key from the same user is the same email, however often it is asked for. Needs `requestedBy`, and goes
   * with no attachments, which are not compared.
   */
  readonly idempotencyKey?: string | undefined;
}

export interface EnqueuedEmail {
  readonly id: string;
  /** False when the idempotency key had been used: `id` is the email of then. */
  readonly created: boolean;
}

type NewEmailSend = typeof emailSends.$inferInsert & { id: string };

// One plain address. A list or a line break in here would add recipients or headers.
const address = z.email();

/**
 * Takes an email in: its row and its outbox row, in the caller's transaction, so that it is either accepted
 * with everything else that the caller writes or not at all. Throws {@link EmailInputError} with the field.
 */
export async function enqueueEmail(tx: Tx, input: EmailInput): Promise<EnqueuedEmail> {
  const [email] = await enqueueEmails(tx, [input]);
  if (email === undefined) throw new Error('enqueueEmails answered with no email for one input');
  return email;
}

/**
 * The same for many; all are checked before the first is written, and one bad input refuses all. `templates`: of
 * `TemplateStore.findMany`, asked before the transaction; without them the database is asked in it.
 */
export async function enqueueEmails(
  tx: Tx,
  inputs: readonly EmailInput[],
  options: { templates?: ReadonlyMap<string, TemplateHead> } = {},
): Promise<EnqueuedEmail[]> {
  if (inputs.length === 0) return [];
  const wanted = inputs.map(({ template, locale = DEFAULT_LOCALE }) => ({ template, locale }));
  const templates = options.templates ?? (await findTemplateHeads(tx, wanted));
  const now = new Date();
  const rows = inputs.map((input, index): NewEmailSend => {
    const template = templates.get(templateKey(input.template, input.locale ?? DEFAULT_LOCALE));
    return rowOf(input, index, template, now);
  });
  const accepted: EnqueuedEmail[] = [];
  for (let start = 0; start < rows.length; start += INSERT_CHUNK_ROWS) {
    accepted.push(...(await insert(tx, rows.slice(start, start + INSERT_CHUNK_ROWS), start)));
  }
  await insertAttachments(tx, inputs, accepted);
  // Last, so that its locks are held for the shortest time.
  await ensurePreferences(
    tx,
    rows.filter(({ kind }) => kind === 'marketing').map(({ recipient }) => recipient),
  );
  return accepted;
}

/** The row of a checked input. */
function rowOf(
  input: EmailInput,
  index: number,
  template: TemplateHead | undefined,
  now: Date,
): NewEmailSend {
  const { attachments = [], idempotencyKey, sendAt } = input;
  if (!address.safeParse(input.to).success)
    throw new EmailInputError('to', 'must be an email address', index);
  if (idempotencyKey !== undefined && input.requestedBy === undefined) {
    // Two nulls are never the same in a unique index: such a key would keep no repeat out.
    throw new Error('an idempotency key belongs to a user');
  }
  if (idempotencyKey !== undefined && attachments.length > 0) {
    throw new Error('an idempotency key goes with no attachments');
  }
  // A repetition may come when its time has passed; it is the first email that counts.
  if (sendAt !== undefined && sendAt < now && idempotencyKey === undefined) {
    throw new EmailInputError('sendAt', 'must not be in the past', index);
  }
  if (template === undefined) {
    throw new EmailInputError('template', `there is no active template "${input.template}"`, index);
  }
  const ofPlatform: readonly string[] = PLATFORM_VARIABLES[template.kind];
  const missing = firstMissingVariable(
    template.variables.filter((name) => !ofPlatform.includes(name)),
    input.variables,
  );
  if (missing !== undefined) {
    throw new EmailInputError(`variables.${missing}`, `the template "${template.name}" needs it`, index);
  }
  return {
    id: uuidv7(),
    recipient: input.to,
    template: template.name,
    locale: template.locale,
    templateId: template.id,
    kind: template.kind,
    // The platform's own are put in when it is sent; nobody has a link of theirs in their place.
    variables: Object.fromEntries(
      Object.entries(input.variables).filter(([name]) => !ofPlatform.includes(name)),
    ),
    priority: input.priority ?? DEFAULT_PRIORITY,
    sendAt: sendAt ?? null,
    requestedBy: input.requestedBy ?? null,
    idempotencyKey: idempotencyKey ?? null,
  };
}

async function insertAttachments(
  tx: Tx,
  inputs: readonly EmailInput[],
  accepted: readonly EnqueuedEmail[],
): Promise<void> {
  const rows = accepted.flatMap(({ id: emailSendId }, index) =>
    (inputs[index]?.attachments ?? []).map((attachment, position) => ({
      ...attachment,
      emailSendId,
      position,
    })),
  );
  for (let start = 0; start < rows.length; start += INSERT_CHUNK_ROWS) {
    await tx.insert(emailAttachments).values(rows.slice(start, start + INSERT_CHUNK_ROWS));
  }
}

async function insert(tx: Tx, rows: readonly NewEmailSend[], firstIndex: number): Promise<EnqueuedEmail[]> {
  const inserted = await tx
    .insert(emailSends)
    .values([...rows])
    .onConflictDoNothing()
    .returning({
      emailSendId: emailSends.id,
      priority: emailSends.priority,
      dueAt: sql<Date>`coalesce(${emailSends.sendAt}, ${emailSends.createdAt})`.mapWith(emailSends.createdAt),
    });
  const created = new Set(inserted.map(({ emailSendId }) => emailSendId));
  if (inserted.length > 0) await tx.insert(emailOutbox).values(inserted);
  const repeated = rows.filter(({ id }) => !created.has(id));
  const earlier = repeated.length === 0 ? [] : await findByIdempotencyKey(tx, repeated);
  return rows.map((row, offset) => {
    if (created.has(row.id)) return { id: row.id, created: true };
    const first = earlier.find(
      (candidate) =>
        candidate.idempotencyKey === row.idempotencyKey && candidate.requestedBy === row.requestedBy,
    );
    if (first === undefined) throw new Error('an email was neither written nor found by its idempotency key');
    if (!isSameEmail(first, row)) {
      throw new EmailInputError('idempotencyKey', 'was used for another email', firstIndex + offset);
    }
    return { id: first.id, created: false };
  });
}

function findByIdempotencyKey(tx: Tx, rows: readonly NewEmailSend[]) {
  const keys = rows.map(({ idempotencyKey }) => idempotencyKey ?? '');
  const callers = rows.flatMap(({ requestedBy }) => requestedBy ?? []);
  return tx
    .select({
      id: emailSends.id,
      requestedBy: emailSends.requestedBy,
      idempotencyKey: emailSends.idempotencyKey,
      recipient: emailSends.recipient,
      template: emailSends.template,
      variables: emailSends.variables,
    })
    .from(emailSends)
    .where(and(inArray(emailSends.idempotencyKey, keys), inArray(emailSends.requestedBy, callers)));
}

function isSameEmail(
  first: Pick<NewEmailSend, 'recipient' | 'template' | 'variables'>,
  second: Pick<NewEmailSend, 'recipient' | 'template' | 'variables'>,
): boolean {
  return (
    first.recipient === second.recipient &&
    first.template === second.template &&
    // Those that opened a door are wiped once the email has gone out: there is nothing left to compare with.
    (isDeepStrictEqual(first.variables, {}) ||
      // Through JSON, as that is how the first one was stored: a Date there is a text here.
      isDeepStrictEqual(first.variables, JSON.parse(JSON.stringify(second.variables))))
  );
}
