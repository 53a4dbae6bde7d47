/** Postgres, its standby, and PgBouncer in front of both. */
import { eventually, query } from '../client.ts';
import { failOver, otherThan, primaryNode, rejoin } from '../failover.ts';
import { onPrimary, shellOrThrow } from '../stack.ts';
import {
  type Cause,
  endSessions,
  muchWal,
  onStandby,
  pausing,
  type Room,
  recreate,
  removeHelper,
  startHelper,
  starving,
  stopping,
  WITHOUT_TIME_LIMIT,
  write,
} from './cause.ts';

const TAKEN = 'taken';
/** Below the limit at which a backend is killed, above that of the alert. */
const FILLED_SHARE = 0.93;
const MEBIBYTE = 1024 ** 2;
/** PgBouncer's usual 2,000 would need thousands of files open at whoever opens as many. */
const MOST_CLIENTS = 100;
/** Room is left for the exporter, which connects for each scrape. */
const CLIENTS = 90;

export const database: Room = {
  name: 'the database',
  causes: [
    [
      'the database is starved under traffic',
      {
        alerts: ['DatabaseCpuHigh'],
        // With less than its exporter needs nothing would be known of it.
        ...starving('postgres', '0.1', '2'),
        traffic: write,
        lanes: 16,
      },
    ],
    [
      'many clients of PgBouncer hold its connections',
      {
        alerts: ['PgbouncerClientsWaiting'],
        start: () =>
          shellOrThrow(
            `docker compose exec -T -d postgres sh -c 'touch /tmp/held; for i in $(seq 60); do while [ -e /tmp/held ]; do PGPASSWORD=$(cat /run/secrets/db_app_password) psql -h pgbouncer -p 6432 -U sv_app -d sv -c "select pg_sleep(3)"; done & done; wait'`,
          ),
        end: () => shellOrThrow('docker compose exec -T postgres rm /tmp/held'),
      },
    ],
    ['the primary hangs', { alerts: ['NoPrimary', 'InstanceDown'], ...pausing('postgres') }],
    ['the standby is gone, and much is written', standbyIsGone()],
    [
      'the standby replays nothing',
      {
        alerts: ['ReplicaLagBytes', 'ReplicaLagTime'],
        start: async () => {
          await onStandby('select pg_wal_replay_pause()');
          await muchWal(160);
        },
        end: () => onStandby('select pg_wal_replay_resume()'),
        traffic: write,
      },
    ],
    [
      'writes wait for a standby that does not exist',
      {
        alerts: ['WritesWaitForStandby'],
        start: async () => {
          await onPrimary("alter system set synchronous_standby_names = 'nobody'");
          await onPrimary('select pg_reload_conf()');
        },
        end: async () => {
          await onPrimary('alter system reset synchronous_standby_names');
          await onPrimary('select pg_reload_conf()');
        },
        traffic: write,
      },
    ],
    [
      'nearly all connections of Postgres are taken',
      {
        alerts: ['DatabaseConnectionsHigh'],
        start: () =>
          shellOrThrow(
            `docker compose exec -T -d postgres sh -c 'export PGPASSWORD=$(cat /run/secrets/postgres_password) ${WITHOUT_TIME_LIMIT}; for i in $(seq 90); do psql -h postgres -U postgres -d sv -c "select pg_sleep(240) /* ${TAKEN} */" & done; wait'`,
          ),
        end: () => endSessions(TAKEN),
      },
    ],
    [
      // Files in memory count as memory, as what a backend sorts in does.
      "the memory of the database's container is nearly full",
      {
        alerts: ['DatabaseMemoryHigh'],
        async start() {
          const [used] = await query('sv_database_memory_used_bytes{node="postgres"}');
          const [limit] = await query('sv_database_memory_limit_bytes{node="postgres"}');
          if (used === undefined || limit === undefined)
            throw new Error('the node tells nothing of its memory');
          const mebibytes = Math.round((FILLED_SHARE * limit.value - used.value) / MEBIBYTE);
          await shellOrThrow(
            `docker compose exec -T postgres dd if=/dev/zero of=/tmp/filling bs=1M count=${mebibytes}`,
          );
        },
        end: () => shellOrThrow('docker compose exec -T postgres rm -f /tmp/filling'),
      },
    ],
    ['nearly all that PgBouncer takes have connected', tooManyClients()],
  ],
};

/** With a limit of 256 MB that is reached by so much WAL as is written within seconds; 4 GB are usual. */
function standbyIsGone(): Cause {
  const { start, end } = stopping('postgres-replica');
  return {
    alerts: ['ReplicaDisconnected', 'ReplicationSlotInactive', 'ReplicationSlotWalGrowing'],
    async prepare() {
      await recreate('postgres', { POSTGRES_MAX_SLOT_WAL_KEEP_SIZE: '256MB' });
      await untilStreaming();
    },
    async start() {
      await start?.();
      // More than half of the limit, and less than at what the slot is lost.
      await muchWal(160);
    },
    ...(end !== undefined && { end }),
    async cleanUp() {
      await recreate('postgres');
      await untilStreaming();
    },
  };
}

const untilStreaming = () =>
  eventually(
    () => onPrimary("select count(*) from pg_stat_replication where state = 'streaming'").catch(() => []),
    ([count]) => count === '1',
    { seconds: 60, what: 'the standby streams' },
  );

function tooManyClients(): Cause {
  return {
    alerts: ['PgbouncerClientsHigh'],
    async prepare() {
      await recreate('pgbouncer', { PGBOUNCER_MAX_CLIENT_CONN: String(MOST_CLIENTS) });
      await eventually(
        () => query(`pgbouncer_config_max_client_connections == ${MOST_CLIENTS}`),
        (found) => found.length === 1,
        { seconds: 60, what: "PgBouncer's new limit in Prometheus" },
      );
    },
    async start() {
      const [used] = await query('sum(pgbouncer_used_clients)');
      await startHelper('many-clients', { CLIENTS: String(CLIENTS - (used?.value ?? 0)) });
    },
    end: () => removeHelper('many-clients'),
    cleanUp: () => recreate('pgbouncer'),
  };
}

/**
 * By itself the stack makes no second primary: it takes that the nodes don't know of each other, and a promotion by hand.
 * The way back is the runbook's, then another failover, as other tests know `postgres` as the primary.
 */
function twoPrimaries(): Cause {
  let isSplit = false;
  return {
    alerts: ['TwoPrimaries'],
    async start() {
      const first = await primaryNode();
      isSplit = true;
      await shellOrThrow(`docker compose exec -T ${first} rm /topology/primary`);
      await shellOrThrow(`docker compose exec -T --env TOPOLOGY_PATH=/none ${otherThan(first)} promote.sh`);
    },
    async end() {
      if (!isSplit) return;
      await failOver({ force: true });
      await rejoin({ force: true });
    },
    async cleanUp() {
      if ((await primaryNode()) === 'postgres') return;
      await failOver();
      await rejoin();
    },
  };
}

/** Last of all: what it leaves behind is another timeline. */
export const failover: Room = {
  name: 'failover',
  causes: [['a standby is promoted beside the primary', twoPrimaries()]],
};
