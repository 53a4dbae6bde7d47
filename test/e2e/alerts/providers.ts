/** What a provider of email tells of what it has sent; SendGrid, as its webhooks are signed with a key that a test can make. */
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { call, eventually } from '../client.ts';
import { untilHealthy } from '../containers.ts';
import { onPrimary, secretsDirectory, shellOrThrow } from '../stack.ts';
import {
  type Cause,
  email,
  endSessions,
  everyOf,
  pause,
  type Room,
  recreate,
  removeHelper,
  startHelper,
  startSession,
} from './cause.ts';
import { PORT } from './sendgrid.ts';

const newKeys = () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const KEYS = newKeys();
/** Of somebody else. */
const OTHER_KEYS = newKeys();
const SECRET = join(secretsDirectory, 'sendgrid_api_key');

/** For {@link providers}: workers that send by it, and apps that know its key. */
export const withProvider: Pick<Room, 'prepare' | 'cleanUp'> = {
  async prepare() {
    writeFileSync(SECRET, 'a key of the test');
    await startHelper('sendgrid');
    await recreate('worker', {
      EMAIL_PROVIDER: 'sendgrid',
      SENDGRID_API_URL: `http://sendgrid:${PORT}`,
    });
    await recreate('app', {
      SENDGRID_WEBHOOK_PUBLIC_KEY: KEYS.publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
    });
  },
  async cleanUp() {
    writeFileSync(SECRET, '');
    await recreate('--scale worker=2 worker app');
    await removeHelper('sendgrid');
    await untilHealthy();
  },
};

export const providers: Room['causes'] = [
  ['a transaction that nobody ends', forgottenTransaction()],
  ['many emails bounce and some are called spam, and somebody forges webhooks', badReputation()],
];

interface Happening {
  readonly event: 'bounce' | 'spamreport';
  readonly id: string;
}

/** As SendGrid posts it; with others' keys, as somebody does who is not SendGrid. */
async function tell(happenings: readonly Happening[], { privateKey } = KEYS): Promise<void> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const body = happenings.map(({ event, id }) => ({
    event,
    email_send_id: id,
    sg_event_id: randomUUID(),
    timestamp: Number(timestamp),
  }));
  await call('POST', '/api/v1/webhooks/email/sendgrid', {
    body,
    headers: {
      'x-twilio-email-event-webhook-signature': sign(
        'sha256',
        Buffer.from(timestamp + JSON.stringify(body)),
        privateKey,
      ).toString('base64'),
      'x-twilio-email-event-webhook-timestamp': timestamp,
    },
  });
}

const happenTo = (event: Happening['event'], ids: readonly string[]) => ids.map((id) => ({ event, id }));

/** Of each hundred: 12 % bounce, where 5 % are too many, and 2 % complain, where 0.1 % do. */
function badReputation(): Cause {
  let sent: readonly string[] = [];
  return {
    alerts: ['BounceRateHigh', 'ComplaintRateHigh', 'WebhooksRefused'],
    traffic: async () => {
      // Of those of last time: they have gone out by now.
      await tell([...happenTo('bounce', sent.slice(0, 12)), ...happenTo('spamreport', sent.slice(12, 14))]);
      for (let forged = 0; forged < 10; forged += 1)
        await tell(happenTo('bounce', sent.slice(0, 1)), OTHER_KEYS);
      sent = await email(100);
      await pause(2_000);
    },
    lanes: 1,
    // Until a thousand have been sent within the rules' two minutes.
    firesSeconds: 300,
  };
}

const FORGOTTEN = 'forgotten';

/** It holds what only bounces add to, and what only housekeeping removes: everything else goes on. */
function forgottenTransaction(): Cause {
  return {
    alerts: ['WebhooksNotApplied', 'HousekeepingOverdue'],
    async start() {
      const [id = ''] = await email(1);
      await startSession(
        'begin; lock table email.email_suppressions, auth.mail_limits in share mode; select pg_sleep(900)',
        FORGOTTEN,
      );
      await eventually(
        () =>
          onPrimary(
            "select count(*) from pg_locks where relation = 'auth.mail_limits'::regclass and mode = 'ShareLock' and granted",
          ),
        ([count]) => count === '1',
        { seconds: 30, what: 'the lock' },
      );
      await tell(happenTo('bounce', [id]));
    },
    async end() {
      await endSessions(FORGOTTEN);
      // They tidy up when they start.
      await shellOrThrow(`docker restart ${await everyOf('worker')}`);
    },
    firesSeconds: 560,
  };
}
