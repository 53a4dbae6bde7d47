import { type Db, type Tx, users } from '@sv-sdk/db';
import { ensurePreferences, findPreferences, setMarketing } from '@sv-sdk/email';
import { eq } from 'drizzle-orm';
import { z } from 'zod';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { ApiError } from '../../errors.ts';
import { moment } from '../../schemas.ts';

const preferencesView = z
  .strictObject({
    email: z.string(),
    marketing: z.boolean(),
    unsubscribedAt: moment.nullable(),
  })
  .meta({ id: 'EmailPreferences' });

const common = {
  path: '/api/v1/email-preferences',
  tag: 'preferences',
  access: 'session',
  status: 200,
  data: preferencesView,
} as const;

export const getEmailPreferences = itemEndpoint({
  ...common,
  method: 'get',
  operationId: 'getEmailPreferences',
  summary: "What one's own address is sent",
  async handle({ services, principal }) {
    const db = await services.db.read(principal.userId);
    const { email } = await addressOf(db, principal.userId);
    return viewPreferences(db, email);
  },
});

export const updateEmailPreferences = itemEndpoint({
  ...common,
  method: 'patch',
  operationId: 'updateEmailPreferences',
  summary: "Choose what one's own address is sent",
  body: z.strictObject({ marketing: z.boolean() }),
  async handle({ principal, body: { marketing }, withTx }) {
    return withTx(async (tx, audit) => {
      const { email, emailVerified } = await addressOf(tx, principal.userId);
      // Else whoever signs up with another's address could undo what its owner has asked for.
      if (marketing && !emailVerified) {
        throw new ApiError('PERMISSION_DENIED', 'Prove first that the address is yours.');
      }
      await ensurePreferences(tx, [email]);
      const changed = await setMarketing(tx, { email }, marketing);
      if (changed !== undefined) {
        await audit(marketing ? 'email.resubscribed' : 'email.unsubscribed', { preferencesId: changed.id });
      }
      return viewPreferences(tx, email);
    });
  },
});

async function addressOf(db: Db | Tx, userId: string) {
  const [user] = await db
    .select({ email: users.email, emailVerified: users.emailVerified })
    .from(users)
    .where(eq(users.id, userId));
  if (user === undefined) throw new Error('the caller has no user');
  return user;
}

/** An address that has said nothing wants what everybody is sent. */
async function viewPreferences(db: Db | Tx, email: string): Promise<z.output<typeof preferencesView>> {
  const found = await findPreferences(db, { email });
  return {
    email,
    marketing: found?.marketing ?? true,
    unsubscribedAt: found?.unsubscribedAt?.toISOString() ?? null,
  };
}
