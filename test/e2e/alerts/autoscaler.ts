/** The autoscaler, which most stacks don't have. Between as many as run and as many as run it changes nothing. */
import { shellOrThrow } from '../stack.ts';
import { type Room, read, recreate } from './cause.ts';

const SETTINGS = {
  AUTOSCALE_INTERVAL_SECONDS: '5',
  AUTOSCALE_APP_MIN: '2',
  AUTOSCALE_APP_MAX: '2',
  AUTOSCALE_APP_CPU_DOWN_PERCENT: '1',
  AUTOSCALE_APP_CPU_UP_PERCENT: '2',
  AUTOSCALE_APP_UP_SECONDS: '20',
  AUTOSCALE_WORKER_MIN: '2',
  AUTOSCALE_WORKER_MAX: '2',
};
const remove = () => shellOrThrow('docker compose rm --stop --force autoscaler');

export const autoscalerCeiling: Room = {
  name: 'the autoscaler',
  causes: [
    [
      'more apps are due than may run',
      {
        alerts: ['AutoscalerAtCeiling'],
        start: () => recreate('autoscaler', SETTINGS),
        traffic: read,
        end: remove,
      },
    ],
  ],
};

export const autoscalerBlind: Room['causes'] = [
  [
    'the autoscaler asks a Prometheus that is not there',
    {
      alerts: ['AutoscalerFailing'],
      start: () => recreate('autoscaler', { ...SETTINGS, PROMETHEUS_URL: 'http://prometheus:9099' }),
      end: remove,
    },
  ],
];
