import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { containersOf, envFile, shell, startStack } from './stack.ts';

let good: string;
beforeAll(async () => {
  await startStack();
  good = readFileSync(envFile, 'utf8');
});
afterEach(() => writeFileSync(envFile, good));

const withSetting = (name: string, value: string) =>
  writeFileSync(envFile, `${good.replace(new RegExp(`^${name}=.*\n`, 'm'), '')}${name}=${value}\n`);

async function refusal(): Promise<string> {
  const before = await containersOf('');
  const result = await shell('make up');
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

  test('when settings have wrong values, all of them at once', async () => {
    withSetting('APP_INSTANCES', 'many');
    writeFileSync(envFile, `${readFileSync(envFile, 'utf8').replace(/^HTTP_PORT=.*$/m, 'HTTP_PORT=99999')}`);
    const output = await refusal();
    expect(output).toContain('APP_INSTANCES');
    expect(output).toContain('HTTP_PORT');
  });
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
