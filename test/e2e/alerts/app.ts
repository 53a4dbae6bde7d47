/** The API: whether it answers, how fast, and what of. */
import { randomBytes } from 'node:crypto';
import { call, clientOf, signIn } from '../client.ts';
import { runInApp } from '../containers.ts';
import { containersOf, shellOrThrow, urls } from '../stack.ts';
import {
  type Cause,
  everyOf,
  pause,
  pausing,
  type Room,
  read,
  recreate,
  type Settings,
  starving,
  stopping,
} from './cause.ts';
import { HEAVY_VALUES, makeHeavyTemplate, removeHeavyTemplate } from './heavy-template.ts';

/** Of what a container may use. */
const LEAKED_SHARE = 0.87;

export const app: Room = {
  name: 'the apps',
  causes: [
    ['all apps hang', { alerts: ['NoReadyApp', 'InstanceDown'], ...pausing('app') }],
    [
      'PgBouncer is away under traffic',
      {
        alerts: [
          'AppErrorRateHigh',
          'InstanceDown',
          ...['1h', '6h', '1d', '3d'].map((window) => `ErrorBudgetBurning{window="${window}"}`),
        ],
        ...stopping('pgbouncer'),
        traffic: read,
      },
    ],
    [
      'the apps are starved under traffic',
      {
        alerts: ['AppResponseTimeHigh', 'ScaleAppResponseTime'],
        ...starving('app', '0.05', '1'),
        traffic: read,
        lanes: 16,
      },
    ],
    ['one caller asks for what takes long', askForWhatTakesLong({ alerts: ['ScaleAppCpu'] })],
    [
      'one caller asks for what takes long, and the app turns away early',
      // At less than is usual, which the stack of the tests has raised (stack.ts). It has time to spare then: 38 % of it.
      askForWhatTakesLong({ alerts: ['AppSheddingLoad'], settings: { OVERLOAD_EVENT_LOOP_DELAY_MS: '50' } }),
    ],
    [
      'callers whom nobody knows ask without end',
      {
        alerts: ['CacheHitRateLow', 'ScaleDatabaseReads'],
        // Some 70 a second: the alert asks for 34, and an address may ask 100 times.
        lanes: 8,
        traffic: async () => {
          await call('GET', '/api/v1/users?pageSize=5', {
            apiKey: `sv_${randomBytes(32).toString('base64url')}`,
          });
          await pause(80);
        },
      },
    ],
    [
      'the apps have leaked memory',
      {
        alerts: ['ScaleAppMemory'],
        async start() {
          const instances = (await containersOf('app')).length;
          for (let instance = 1; instance <= instances; instance += 1) {
            await runInApp('alerts/hold-memory.ts', { share: LEAKED_SHARE }, { instance });
          }
        },
        end: async () => shellOrThrow(`docker restart ${await everyOf('app')}`),
      },
    ],
  ],
};

/** Each answer is a hundred milliseconds and more of the app's only thread. One app: two and who asks would share two cores. */
function askForWhatTakesLong({
  alerts,
  settings = {},
}: Pick<Cause, 'alerts'> & { settings?: Settings }): Cause {
  let token = '';
  let template = '';
  return {
    alerts,
    async prepare() {
      token = await signIn();
      template = await makeHeavyTemplate(clientOf({ token }));
      await recreate('--scale app=1 app', settings);
    },
    async traffic() {
      const answer = await fetch(`${urls.http}/api/v1/templates/${template}/preview`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          // nginx would compress megabytes.
          'accept-encoding': 'identity',
        },
        body: JSON.stringify({ variables: HEAVY_VALUES }),
        signal: AbortSignal.timeout(15_000),
      });
      await answer.arrayBuffer();
    },
    async cleanUp() {
      await recreate('app');
      if (template !== '') await removeHeavyTemplate(clientOf({ token }), template);
    },
  };
}
