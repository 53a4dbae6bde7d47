/** The primary's disk runs full under writes: 503 in the envelope, nothing that was acknowledged is lost, and it comes back by itself. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Answer, eventually } from './client.ts';
import { useThePlatform, writeSettings } from './own-stack.ts';
import { defineStack } from './stack.ts';

const stack = defineStack({
  project: 'sv-e2e-disk',
  home: 'e2e-disk',
  ports: { http: 13300, prometheus: 19390, alertmanager: 19393, grafana: 13301, maildev: 11380 },
});
const { shell, shellOrThrow } = stack;
/** Docker waits up to a minute between two starts. */
const BACK_LIMIT_SECONDS = 150;

beforeAll(async () => {
  await stack.remove();
  writeSettings(stack, {
    BALANCER_PREFIX: '10.251.102',
    APP_INSTANCES: '1',
    WORKER_INSTANCES: '1',
    COMPOSE_FILE: 'docker-compose.yml:test/e2e/small-disk.compose.yml',
    BACKUP_REPOSITORY: 'off',
  });
  // A stack that has data and no secrets would be refused.
  await shellOrThrow('infra/host/settings.sh && docker compose up --detach --no-build disk');
  await shellOrThrow('make up', { timeoutSeconds: 600 });
});
afterAll(stack.remove);

const apiKey = () => stack.secret('load_api_key');

async function ask(
  method: string,
  path: string,
  more: { token?: string; body?: unknown } = {},
): Promise<Answer> {
  const response = await fetch(stack.urls.http + path, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(more.token === undefined ? { 'x-api-key': apiKey() } : { authorization: `Bearer ${more.token}` }),
    },
    ...(more.body !== undefined && { body: JSON.stringify(more.body) }),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

test('writes get a 503 in the envelope while the disk is full, and service returns by itself, with all that was acknowledged', async () => {
  await useThePlatform(stack);
  const login = await ask('POST', '/api/v1/auth/login', {
    body: { email: 'admin@example.org', password: stack.secret('admin_password') },
  });
  const token = login.body.data.token as string;
  const acknowledged: string[] = [];
  const write = async () => {
    const email = `${randomUUID()}@example.org`;
    const answer = await ask('POST', '/api/v1/suppressions', { token, body: { email } });
    if (answer.status === 201) acknowledged.push(email);
    return answer;
  };
  expect((await write()).status).toBe(201);

  // Whatever is left, to the last block.
  await shell(`docker compose exec -T disk sh -c 'cat /dev/zero >/disk/filling'`);
  const refused = await eventually(
    async () => {
      // Each one takes a new file of the log, for which there is no room.
      await shell('docker compose exec -T postgres psql-primary.sh -qAtc "select pg_switch_wal()"');
      return await write();
    },
    ({ status }) => status !== 201,
    { seconds: 120, what: 'a write that is refused' },
  );
  expect(refused).toMatchObject({
    status: 503,
    body: { success: false, error: { code: 'SERVICE_UNAVAILABLE' } },
  });
  for (let count = 0; count < 20; count += 1) {
    const { status, body } = await write();
    expect([201, 503]).toContain(status);
    if (status === 503)
      expect(body).toMatchObject({ success: false, error: { code: 'SERVICE_UNAVAILABLE' } });
  }

  await shellOrThrow(`docker compose exec -T disk rm /disk/filling`);
  const freedAtMs = performance.now();
  await eventually(write, ({ status }) => status === 201, {
    seconds: BACK_LIMIT_SECONDS,
    what: 'a write again',
  });
  console.info(`writes again ${((performance.now() - freedAtMs) / 1000).toFixed(1)} s after there was room`);

  const { stdout } = await shellOrThrow(
    'docker compose exec -T postgres psql-primary.sh -qAtc "select email from email.email_suppressions"',
  );
  const kept = new Set(stdout.split('\n'));
  expect(acknowledged.filter((email) => !kept.has(email))).toEqual([]);
  // Every page of every table and index, as the server checks it.
  await shellOrThrow(
    'docker compose exec -T postgres psql-primary.sh -qAtc "create extension if not exists amcheck; ' +
      "select bt_index_check(c.oid, true) from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am a on a.oid = c.relam where a.amname = 'btree' and c.relkind = 'i'\"",
  );
  const verified = await shellOrThrow('make sdk ARGS="audit verify"');
  expect(verified.output).not.toContain('NOT AS IT WAS SEALED');
  await useThePlatform(stack);
});

test('`make prune` says what it would remove, and removes only with YES=1 what nothing needs', async () => {
  // Another image each, as a version is: what has the id of one that runs is in use under any name. And one of somebody else.
  for (const [tag, owner] of [
    ['e2e-of-no-use', stack.project],
    ['e2e-of-another', 'sv-e2e-another'],
  ]) {
    await shellOrThrow(
      'for image in platform sdk; do' +
        ` printf 'FROM sv-sdk/%s:%s\\nLABEL com.docker.compose.project=%s\\n' $image "\${SV_VERSION:-dev}" ${owner} |` +
        ` docker build --quiet --tag sv-sdk/$image:${tag} -; done`,
    );
  }
  onTestFinished(async () => {
    await shell('docker image rm sv-sdk/platform:e2e-of-another sv-sdk/sdk:e2e-of-another');
  });
  const images = async () => (await shellOrThrow('docker image ls sv-sdk/platform')).stdout;
  const told = await shellOrThrow('make prune');
  expect(told.output).toContain('sv-sdk/platform:e2e-of-no-use');
  expect(told.output).toContain('Nothing was removed');
  expect(await images()).toContain('e2e-of-no-use');
  await shellOrThrow('YES=1 make prune');
  expect(await images()).not.toContain('e2e-of-no-use');
  expect(await images()).toContain('e2e-of-another');
  await useThePlatform(stack);
});
