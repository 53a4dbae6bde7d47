import pg from 'pg';
import { expect, inject, vi } from 'vitest';
import { startReplica, type TestServer } from './containers.ts';
import { databaseUrl, type ServerAddress } from './urls.ts';

/** For what happens by itself within moments: replay, a poll every 250 ms, time limits of a few seconds. */
export const SOON = { timeout: 15_000, interval: 20 };

/** A streaming replica of the tests' primary whose replay a test can hold up. */
export interface TestReplica {
  readonly server: TestServer;
  /** Of the superuser, to its database `postgres`. */
  readonly admin: pg.Client;
  /** As sv_app, direct. */
  url(database: string): string;
  pauseReplay(): Promise<void>;
  resumeReplay(): Promise<void>;
  /** Waits until it has replayed all that the primary has written. */
  untilReplayed(): Promise<void>;
  /** Stops it, and drops its slot: the primary would keep its log for one that never comes back. */
  stop(): Promise<void>;
}

/** Of the tests' primary, or of another one. */
export async function startTestReplica(slot: string, upstream?: TestServer): Promise<TestReplica> {
  const { secrets, network, postgres } = inject('databaseServers');
  const primary = upstream ?? postgres;
  const server = await startReplica({ network, secrets, primary: primary.internalHost, slot });
  const adminUrl = (of: ServerAddress) => databaseUrl(of, 'postgres', secrets.postgres_password, 'postgres');
  const [admin, upstreamAdmin] = await Promise.all([connect(adminUrl(server)), connect(adminUrl(primary))]);
  const dropSlot = async () => {
    const ended = `select pg_terminate_backend(active_pid, 5000) from pg_replication_slots where slot_name = $1 and active`;
    await upstreamAdmin.query(ended, [slot]);
    const dropped =
      'select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1';
    await upstreamAdmin.query(dropped, [slot]);
  };
  return {
    server,
    admin,
    url: (database) => databaseUrl(server, 'sv_app', secrets.db_app_password, database),
    async pauseReplay() {
      await admin.query('select pg_wal_replay_pause()');
      const state = async () =>
        (await admin.query<{ state: string }>('select pg_get_wal_replay_pause_state() as state')).rows[0]
          ?.state;
      await expect.poll(state, SOON).toBe('paused');
    },
    async resumeReplay() {
      await admin.query('select pg_wal_replay_resume()');
    },
    async untilReplayed() {
      const { rows } = await upstreamAdmin.query<{ position: string }>(
        'select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end::text as position',
      );
      const isReplayed = async () =>
        (
          await admin.query<{ is: boolean }>('select pg_last_wal_replay_lsn() >= $1::pg_lsn as is', [
            rows[0]?.position,
          ])
        ).rows[0]?.is;
      await expect.poll(isReplayed, SOON).toBe(true);
    },
    async stop() {
      await admin.end();
      // The containers go with their network.
      await server.container.stop({ remove: false });
      await vi.waitFor(dropSlot, SOON);
      await upstreamAdmin.end();
    },
  };
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  // A server that a test stops ends it.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
