/** Every cause of an alert, in the order in which they are tried, and which alerts have none here. */
import { app } from './app.ts';
import { auditChain, auditPartitions } from './audit.ts';
import { autoscalerBlind, autoscalerCeiling } from './autoscaler.ts';
import { backup } from './backup.ts';
import type { Room } from './cause.ts';
import { certificate } from './certificate.ts';
import { database, failover } from './database.ts';
import { catcher, mailServer } from './email.ts';
import { host } from './host.ts';
import { monitoring } from './monitoring.ts';
import { providers, withProvider } from './providers.ts';
import { queue } from './queue.ts';
import { redisCluster } from './redis-cluster.ts';

/** The longest, of 7 minutes, is the first; the others end meanwhile. */
const atOnce: Room = {
  name: 'what disturbs nobody',
  isTogether: true,
  ...withProvider,
  causes: [...providers, ...auditChain, ...host, ...autoscalerBlind],
};

export const ROOMS: readonly Room[] = [
  monitoring,
  app,
  database,
  queue,
  catcher,
  mailServer,
  atOnce,
  certificate,
  auditPartitions,
  backup,
  autoscalerCeiling,
  redisCluster,
  failover,
];

/** Why a test can't cause them. That they fire by what is measured is proven in infra/prometheus/tests. */
export const NOT_CAUSED: Readonly<Record<string, string>> = {
  HostClockOff:
    "The clock is the kernel's, one for the host and all of its containers; a namespace gives a container its own time since the start, and not its own time of day. To set it wrong is to set it wrong for whatever else runs there.",
  HostClockNotSynchronised:
    "Only the kernel knows it, by who has set the clock in the last nine hours. Where nobody does, as on many virtual machines, it fires by itself, which alerts.long.test.ts holds against the kernel's figures.",
};
