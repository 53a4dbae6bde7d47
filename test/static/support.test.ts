import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { run } from '../harness/run.ts';

const SECRET = 'a-value-that-nobody-may-see';

/** What the search for leaks says of an archive with this log, where the folder of secrets has these files. */
async function search(log: string, files: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'support-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [archive, secrets] = [join(folder, 'archive'), join(folder, 'secrets')];
  for (const [path, content] of [
    [join(archive, 'logs.txt'), log],
    ...Object.entries(files).map(([name, value]) => [join(secrets, name), value] as const),
  ] as const) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  return await run('bash', [
    '-c',
    '. infra/host/common.sh; . infra/host/leaks.sh; refuse_leaks "$0" "$1"; echo clean',
    archive,
    secrets,
  ]);
}

test.each([
  'redis_password',
  '.next-redis_password',
  '.old-redis_password',
  'before/redis_password',
  'with a space',
])('`make support` finds the value of secrets/%s in its archive, and refuses', async (name) => {
  const { exitCode, output } = await search(`opened with ${SECRET}.`, {
    [name]: `another-value\n${SECRET}\n`,
  });
  expect(exitCode).toBe(1);
  expect(output).toContain(`Refused: ${name} would be in the archive`);
  expect(output).not.toMatch(/clean|nobody-may-see/);
});

test('`make support` lets an archive pass that has no secret: empty and short ones, and certificates, are none', async () => {
  const { output } = await search('a short word, and MIIBcertificate', {
    redis_password: SECRET,
    'before/redis_password': SECRET,
    smtp_password: '',
    brevo_api_key: 'short',
    database_ca: 'MIIBcertificate',
  });
  expect(output).toBe('clean\n');
});
