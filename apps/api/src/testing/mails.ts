/** For tests: the mails that the platform has accepted, out of its own table. */
import { emailSends, mailLimits } from '@sv-sdk/db';
import { asc, eq, sql } from 'drizzle-orm';
import type { TestApi } from './api.ts';

export interface Mail {
  readonly template: string;
  readonly variables: Record<string, unknown>;
}

/** Oldest first. */
export async function mailsTo({ db }: TestApi, address: string): Promise<Mail[]> {
  const rows = await db
    .write()
    .select({ template: emailSends.template, variables: emailSends.variables })
    .from(emailSends)
    .where(eq(emailSends.recipient, address))
    .orderBy(asc(emailSends.id));
  return rows.map(({ template, variables }) => ({ template, variables: variables as Mail['variables'] }));
}

/** The token in the link of the last mail to an address. */
export async function mailedToken(api: TestApi, address: string): Promise<string> {
  const mails = await mailsTo(api, address);
  const token = /#token=([A-Za-z0-9_-]{43})"/.exec(JSON.stringify(mails.at(-1)))?.[1];
  if (token === undefined) throw new Error(`no link was mailed to ${address}: ${JSON.stringify(mails)}`);
  return token;
}

/** As if the last mail to each address had gone so long ago. */
export async function ageMailLimits({ db }: TestApi, seconds: number): Promise<void> {
  const back = (column: typeof mailLimits.lastMailAt) => sql`${column} - make_interval(secs => ${seconds})`;
  await db
    .write()
    .update(mailLimits)
    .set({
      lastMailAt: back(mailLimits.lastMailAt),
      windowStartedAt: back(mailLimits.windowStartedAt),
    });
}
