/** The API and bare servers in this process, for what is measured as its CPU time (tests, as they need vitest's servers). */
import { once } from 'node:events';
import { Agent, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { onTestFinished } from 'vitest';
import { startTestApi } from '../apps/api/src/testing/api.ts';
import { type Baseline, baselines } from './baselines/servers.ts';
import { askOnce } from './load/open.ts';
import type { Ask } from './load/run.ts';

export const PAGE_SIZE = 20;
const LANES = 8;
const POOL_MAX = 5;
/** Warm up caches, connections and the compiler. */
const WARM_UP_ROUNDS = 2;

/** The API with 1,000 users and an administrator's token, and `bare` servers on the same Postgres. */
export async function startInProcess() {
  const api = await startTestApi();
  const admin = new pg.Client({ connectionString: api.database.adminUrl });
  await admin.connect();
  try {
    await admin.query(`
      insert into auth.users (id, email, name, role, created_at)
      select 'seed-' || i, 'user-' || i || '@example.org', 'User ' || i, 'user', now() - make_interval(secs => i)
      from generate_series(1, 1000) i`);
    await admin.query('vacuum analyze auth.users');
  } finally {
    await admin.end();
  }
  const { token } = await api.addCaller('super_admin');
  const pool = new pg.Pool({ connectionString: api.database.pooledUrl, max: POOL_MAX });
  onTestFinished(() => pool.end());
  const bare = async (name: Baseline) => {
    const server = (await baselines[name](pool)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => close(server));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  return { api, token, bare };
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}

/** Something to ask, and what is to be so only while it is asked. */
export interface Turn extends Ask {
  readonly before?: () => void;
  readonly after?: () => void;
}

/** CPU milliseconds of each round of so many requests, all in turn. */
export async function takeTurns(
  turns: readonly Turn[],
  { rounds, requests }: { readonly rounds: number; readonly requests: number },
): Promise<number[][]> {
  const agent = new Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  const round = async (turn: Turn) => {
    let left = requests;
    const lane = async () => {
      for (; left > 0; left -= 1) await askOnce(turn, agent);
    };
    turn.before?.();
    try {
      const before = process.cpuUsage();
      await Promise.all(Array.from({ length: LANES }, lane));
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000;
    } finally {
      turn.after?.();
    }
  };
  const cpuMs: number[][] = turns.map(() => []);
  for (let number = -WARM_UP_ROUNDS; number < rounds; number += 1) {
    for (const [index, turn] of turns.entries()) {
      const ms = await round(turn);
      if (number >= 0) cpuMs[index]?.push(ms);
    }
  }
  return cpuMs;
}
