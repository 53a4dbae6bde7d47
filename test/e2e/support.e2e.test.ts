import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { call } from './client.ts';
import { containersOf, secretsDirectory, shellOrThrow, startStack } from './stack.ts';

beforeAll(startStack);

test('`make support` has versions, settings, state, logs and metrics, and nothing that was planted', async () => {
  const [person, caller] = [`${randomUUID()}@example.org`, '203.0.113.77'];
  const apiKey = `sv_${'aB3_'.repeat(16)}`;
  const secrets = readdirSync(secretsDirectory)
    .filter((name) => !name.startsWith('.') && !name.endsWith('_ca'))
    .map((name) => readFileSync(join(secretsDirectory, name), 'utf8').trim())
    .filter((value) => value !== '');
  expect(secrets.length).toBeGreaterThan(10);
  const marker = `planted-${randomUUID()}`;
  const [app] = await containersOf('app');
  // As a careless program would log them, one a line and all in one.
  const planted = [person, caller, apiKey, ...secrets];
  const text = [...planted, planted.join(' ')].map((value) => `${marker} ${value}`).join('\n');
  await shellOrThrow(`docker exec -i ${app} sh -c 'cat >/proc/1/fd/1' <<'PLANTED'\n${text}\nPLANTED`);
  await call('GET', `/api/v1/users?search=${encodeURIComponent(person)}`, { apiKey });

  const folder = mkdtempSync(join(tmpdir(), 'support-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { output, seconds } = await shellOrThrow(`make support TO=${folder}`);
  console.info(`make support: ${seconds.toFixed(0)} s`);
  const [archive = ''] = readdirSync(folder);
  expect(output).toContain(archive);
  await shellOrThrow(`tar -xzf ${join(folder, archive)} -C ${folder}`);
  const unpacked = join(folder, archive.replace('.tar.gz', ''));
  const files = new Map(
    readdirSync(unpacked).map((name) => [name, readFileSync(join(unpacked, name), 'utf8')] as const),
  );
  expect([...files.keys()].toSorted()).toEqual(
    [
      'compose.txt',
      'database.txt',
      'doctor.txt',
      'health.txt',
      'host.txt',
      'logs.txt',
      'metrics.jsonl',
      'own-logs.txt',
      'secrets.txt',
      'settings.txt',
      'state.txt',
      'versions.txt',
    ].toSorted(),
  );
  expect(files.get('logs.txt')).toContain(marker);
  expect(files.get('settings.txt')).toContain('HTTP_PORT=');
  expect(files.get('metrics.jsonl')).toContain('sv_build_info');
  for (const [name, content] of files) {
    for (const value of planted)
      expect(content.includes(value), `${name} has ${value.slice(0, 4)}…`).toBe(false);
  }
});
