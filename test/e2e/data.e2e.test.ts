import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { call, clientOf, eventually, signIn } from './client.ts';
import { startAgain } from './containers.ts';
import { adminEmail, containersOf, shellOrThrow, sql, startStack } from './stack.ts';

beforeAll(startStack);

async function redisSetting(service: 'redis' | 'redis-queue', name: string): Promise<string | undefined> {
  const { stdout } = await shellOrThrow(
    `docker compose exec -T ${service} sh -c 'REDISCLI_AUTH=$(cat $PASSWORD_FILE) redis-cli config get ${name}'`,
  );
  return stdout.split('\n')[1];
}

describe('Postgres', () => {
  test('has a streaming replica with a slot of its own, which can hold back only so much', async () => {
    expect(await sql('postgres', 'select application_name, state from pg_stat_replication')).toEqual([
      'replica_1|streaming',
    ]);
    expect(await sql('postgres', 'select slot_name, active from pg_replication_slots')).toEqual([
      'replica_1|t',
    ]);
    expect(await sql('postgres', 'show max_slot_wal_keep_size')).toEqual(['4GB']);
    expect(await sql('postgres-replica', 'select pg_is_in_recovery()')).toEqual(['t']);
  });

  test('lets nobody in without SCRAM', async () => {
    expect(
      await sql('postgres', 'select distinct auth_method from pg_hba_file_rules where error is null'),
    ).toEqual(['scram-sha-256']);
    expect(
      await sql(
        'postgres',
        "select rolname from pg_authid where rolcanlogin and rolpassword not like 'SCRAM-SHA-256%'",
      ),
    ).toEqual([]);
  });
});

test('the cache evicts and keeps nothing on disk; the queue never evicts and does', async () => {
  expect(await redisSetting('redis', 'maxmemory-policy')).toBe('allkeys-lru');
  expect(await redisSetting('redis', 'appendonly')).toBe('no');
  expect(await redisSetting('redis-queue', 'maxmemory-policy')).toBe('noeviction');
  expect(await redisSetting('redis-queue', 'appendonly')).toBe('yes');
  for (const service of ['redis', 'redis-queue'] as const) {
    expect(Number(await redisSetting(service, 'maxmemory'))).toBeGreaterThan(0);
  }
});

test('the client’s address is the one that nginx sees, whatever a client says of itself', async () => {
  const marker = `e2e-${randomUUID()}`;
  // Before a `make down` of another test the network, and so the gateway, was another one.
  const [since] = await sql('postgres', 'select now()');
  const answer = await call('POST', '/api/v1/auth/login', {
    body: { email: adminEmail, password: 'wrong-wrong-wrong' },
    headers: { 'x-forwarded-for': '203.0.113.7', 'x-real-ip': '203.0.113.7', 'x-request-id': marker },
  });
  expect(answer.status).toBe(401);
  const addresses = await sql(
    'postgres',
    `select distinct ip_address from audit.audit_logs where event_type like 'auth.login%' and created_at >= '${since}'`,
  );
  expect(addresses).not.toContain('203.0.113.7');
  // What nginx sees of a client on this host is the gateway of the network that its port is published from.
  const { stdout } = await shellOrThrow(
    `docker inspect "$COMPOSE_PROJECT_NAME"-nginx-1 --format '{{(index .NetworkSettings.Networks "'"$COMPOSE_PROJECT_NAME"'_edge").Gateway}}'`,
  );
  expect(addresses).toEqual([stdout.trim()]);
});

describe('with a part gone', () => {
  test.for(['redis', 'postgres-replica', 'ready-dns'] as const)(
    '%s: reads and writes go on',
    async (service) => {
      const [container] = await containersOf(service);
      const login = () =>
        call('POST', '/api/v1/auth/login', {
          body: { email: `${randomUUID()}@example.org`, password: 'wrong-wrong-wrong' },
        });
      await shellOrThrow(`docker stop --time 1 ${container}`);
      try {
        for (let round = 0; round < 20; round += 1) {
          // 401 is this route's answer to a stranger, from Postgres; its audit row is a write.
          expect((await login()).status).toBe(401);
          expect((await call('GET', '/health/ready')).status).toBe(200);
        }
      } finally {
        await startAgain(container as string);
      }
    },
  );

  test('redis-queue: emails are accepted, and sent when it is back', async () => {
    const [container] = await containersOf('redis-queue');
    const admin = clientOf({ token: await signIn() });
    await shellOrThrow(`docker stop --time 10 ${container}`);
    let id: string;
    try {
      const accepted = await admin.post('/api/v1/emails', {
        body: {
          to: `${randomUUID()}@example.org`,
          template: 'notification',
          variables: { name: 'Ada', title: 'Late', message: 'But here.' },
        },
      });
      [id = ''] = accepted.data.ids;
    } finally {
      await startAgain(container as string);
    }
    await eventually(
      () => admin.get('/api/v1/emails/{id}', { params: { path: { id } } }),
      ({ data }) => data.status === 'sent',
      { seconds: 60, what: 'the email sent' },
    );
  });

  test('the primary: an error in the envelope, and service again by itself', async () => {
    const [container] = await containersOf('postgres');
    await shellOrThrow(`docker stop --time 20 ${container}`);
    try {
      const answer = await eventually(
        () => call('GET', '/health/ready'),
        ({ status }) => status === 503,
        { seconds: 20, what: 'not ready' },
      );
      expect(answer.body).toMatchObject({ ready: false });
      const refused = await call('POST', '/api/v1/auth/login', {
        body: { email: adminEmail, password: 'x'.repeat(16) },
      });
      expect(refused.status).toBeGreaterThanOrEqual(500);
      expect(refused.body).toMatchObject({ success: false, error: { code: expect.any(String) } });
    } finally {
      await startAgain(container as string);
    }
    await eventually(
      () => call('GET', '/health/ready'),
      ({ status }) => status === 200,
      { seconds: 60, what: 'ready again' },
    );
  });
});
