import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  containersOf,
  envFile,
  repository,
  secretsDirectory,
  shell,
  shellOrThrow,
  startStack,
} from './stack.ts';

let good: string;
beforeAll(async () => {
  await startStack();
  good = readFileSync(envFile, 'utf8');
});
afterEach(() => writeFileSync(envFile, good));

const withSetting = (name: string, value: string) =>
  writeFileSync(envFile, `${good.replace(new RegExp(`^${name}=.*\n`, 'm'), '')}${name}=${value}\n`);

async function refusal(variables = ''): Promise<string> {
  const before = await containersOf('');
  const result = await shell(`${variables} make up`);
  expect(result.exitCode, result.output).not.toBe(0);
  expect(await containersOf(''), 'nothing was changed').toEqual(before);
  return result.output;
}

describe('`make up` changes nothing and says what is wrong', () => {
  test('when a port is taken by somebody else', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    withSetting('MAILDEV_PORT', String(port));
    const output = await refusal();
    expect(output).toContain('MAILDEV_PORT');
    expect(output).toContain(String(port));
    server.close();
    await once(server, 'close');
  });

  test('when .env has a line that is no setting', async () => {
    writeFileSync(envFile, `${good}this is no setting\n`);
    expect(await refusal()).toMatch(/line \d+/);
  });

  test('when the disk, the memory, the engine or Compose are not enough, all of them at once', async () => {
    // The real checks against limits that no host meets.
    const output = await refusal('SV_MIN_DISK_GIB=1000000 SV_MIN_MEMORY_GIB=100000');
    expect(output).toMatch(/Too little disk: \d+ GiB free on \S+, 1000000 GiB needed/);
    expect(output).toMatch(/Too little memory: \d+ MiB, 100000 GiB needed/);
    expect(await refusal('SV_MIN_ENGINE=999.0')).toMatch(/Docker Engine \S+ is too old: 999.0 or later/);
    expect(await refusal('SV_MIN_COMPOSE=999.0')).toMatch(/Docker Compose \S+ is too old: 999.0 or later/);
  });

  test('when a secret is empty', async () => {
    const path = join(secretsDirectory, 'redis_password');
    const value = readFileSync(path, 'utf8');
    chmodSync(path, 0o644);
    writeFileSync(path, '');
    expect(await refusal()).toMatch(/secret \S+redis_password is empty/);
    writeFileSync(path, value);
    chmodSync(path, 0o444);
  });

  test('when settings have wrong values, all of them at once', async () => {
    withSetting('APP_INSTANCES', 'many');
    writeFileSync(envFile, `${readFileSync(envFile, 'utf8').replace(/^HTTP_PORT=.*$/m, 'HTTP_PORT=99999')}`);
    const output = await refusal();
    expect(output).toContain('APP_INSTANCES');
    expect(output).toContain('HTTP_PORT');
  });
});

describe('`make up PHASE=…` changes no setting and starts nothing', () => {
  test('when the host is too small: it says what there is, what it takes and what would fit', async () => {
    withSetting('POSTGRES_MEMORY', '4t');
    const before = readFileSync(envFile, 'utf8');
    const output = await refusal('PHASE=2');
    expect(output).toMatch(
      /Phase 2 does not fit on this host: at the least it takes \d+ MiB of memory, and \d+ MiB are/,
    );
    expect(output).toMatch(/database nodes +2 +4194304 +8388608\n/);
    expect(output).toContain('No lower phase fits with these settings.');
    expect(readFileSync(envFile, 'utf8')).toBe(before);
  });

  test('when it would leave out the node that a failover has made the primary', async () => {
    const project = 'sv-e2e-topology';
    const volume = `${project}_postgres-topology`;
    onTestFinished(async () => void (await shell(`docker volume rm ${volume}`)));
    await shellOrThrow(
      `docker run --rm --network none --volume ${volume}:/topology --entrypoint sh sv-sdk/postgres:\${SV_VERSION:-dev}` +
        " -c 'echo postgres-replica-2 >/topology/primary'",
    );
    const leave = () =>
      shell(
        `export COMPOSE_PROJECT_NAME=${project} PHASE=1; . infra/host/common.sh; . infra/host/phase.sh; refuse_to_leave_primary ${envFile}`,
      );
    const refused = await leave();
    expect(refused.exitCode, refused.output).toBe(1);
    expect(refused.output).toContain('First: make failover TO=postgres');
    withSetting('COMPOSE_FILE', 'docker-compose.yml:docker-compose.scale.yml');
    expect((await leave()).exitCode).toBe(0);
  });
});

test('without an engine and without root, the commands that install one are printed, and nothing is run', async () => {
  // A bare Debian 12 as an ordinary user sees it: no dockerd, no socket.
  const osRelease = join(repository, '.build', 'e2e', 'os-release');
  const sources = join(repository, '.build', 'e2e', 'debian.sources');
  writeFileSync(osRelease, 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n');
  writeFileSync(sources, 'deb [trusted=yes] http://mirror.invalid/debian bookworm main\n');
  const result = await shell(
    `docker run --rm --network none --user 65534 --env DOCKER_HOST=unix:///nowhere --volume ${osRelease}:/etc/os-release:ro` +
      ` --volume ${sources}:/etc/apt/sources.list:ro --volume ${repository}:${repository}:ro --workdir ${repository}` +
      ` sv-sdk/test:\${SV_VERSION:-dev} infra/host/engine.sh check`,
  );
  expect(result.exitCode).toBe(1);
  expect(result.output).toContain('Run these as root');
  expect(result.output).toContain('http://mirror.invalid/debian');
  expect(result.output).toMatch(/apt-get install .*docker\.io\/trixie/);
});

test('a process with wrong settings lists every one of them and ends with 1', async () => {
  const result = await shell(
    'docker compose run --rm --no-deps -e LOG_LEVEL=loud -e DATABASE_URL=mysql://x -e DB_POOL_MAX=0 app',
  );
  expect(result.exitCode).toBe(1);
  for (const name of ['LOG_LEVEL', 'DATABASE_URL', 'DB_POOL_MAX']) expect(result.output).toContain(name);
});

test('the worker refuses a queue that may evict jobs, and says why', async () => {
  const result = await shell(
    'docker compose run --rm --no-deps -e REDIS_QUEUE_URL=redis://redis:6379/0 -e REDIS_QUEUE_PASSWORD_FILE=/cache_password' +
      ' -v "$SECRETS_DIR/redis_password:/cache_password:ro" worker',
    { timeoutSeconds: 60 },
  );
  expect(result.exitCode, result.output).toBe(1);
  expect(result.output).toContain('allkeys-lru');
  expect(result.output).toContain('noeviction');
});
