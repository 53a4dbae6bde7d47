/** What becomes of emails at a mail server, and how busy the workers are with it. */
import { startSmtpCounter, stopSmtpCounter } from '../email.ts';
import { REFUSED, SILENT } from '../smtp-counter.ts';
import {
  administrator,
  type Cause,
  email,
  emptyQueue,
  pause,
  type Room,
  recreate,
  stopping,
} from './cause.ts';
import { HEAVY, HEAVY_VALUES, makeHeavyTemplate, removeHeavyTemplate } from './heavy-template.ts';

export const catcher: Room = {
  name: 'the catcher of mail',
  causes: [
    ['mail can not be sent', mailCanNotBeSent()],
    ['one worker has much to render', muchToRender()],
  ],
};

export const mailServer: Room = {
  name: 'a mail server of the test',
  prepare: startSmtpCounter,
  cleanUp: stopSmtpCounter,
  causes: [
    [
      'the mail server knows none of the recipients',
      {
        alerts: ['DeadLetters'],
        traffic: async () => {
          await email(5, { to: REFUSED.unknown });
          await pause(1_000);
        },
        lanes: 1,
      },
    ],
    [
      // After the first 40, each of which is waited for for 15 s, the circuits are open, so that only one is tried at a time. In
      // the moments in which a try is far off the others are put off at once, hundreds of them: it takes more to have many left
      // that have waited for a minute.
      'the mail server takes messages and does not answer',
      {
        alerts: ['EmailsUncertain', 'ScaleWorkerJobTime', 'ScaleWorkerWait'],
        start: () => email(3_000, { to: SILENT }),
        end: emptyQueue,
        firesSeconds: 240,
      },
    ],
  ],
};

function mailCanNotBeSent(): Cause {
  const { start, end } = stopping('maildev');
  return {
    alerts: ['EmailProviderCircuitOpen', 'AlertsNotDelivered'],
    ...(start !== undefined && { start }),
    traffic: async () => {
      await email(20);
      await pause(5_000);
    },
    lanes: 1,
    async end() {
      await end?.();
      await emptyQueue();
      // A worker sees by an email only that its provider is back.
      await email(20);
    },
    // Alertmanager has tried for its group_interval, 5 minutes, before it counts a failure.
    firesSeconds: 480,
  };
}

/** Sent to nobody, so that nothing but the rendering takes time. One worker: two of them, and Postgres, have two cores. */
function muchToRender(): Cause {
  let template = '';
  return {
    alerts: ['ScaleWorkerCpu'],
    async prepare() {
      template = await makeHeavyTemplate(await administrator());
      await recreate('--scale worker=1 worker', { EMAIL_PROVIDER: 'mock' });
    },
    traffic: async () => {
      // 10 kB each, and a megabyte is the most that a request may have.
      await email(50, { template: HEAVY, variables: HEAVY_VALUES });
      // So that they come twice as fast as a core can render them.
      await pause(500);
    },
    lanes: 1,
    end: emptyQueue,
    async cleanUp() {
      await recreate('--scale worker=2 worker');
      if (template !== '') await removeHeavyTemplate(await administrator(), template);
    },
  };
}
