import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { run } from '../harness/run.ts';

const read = (path: string) => readFileSync(path, 'utf8');
const names = [...read('docker-compose.yml').matchAll(/^ {2}(\w+): \{ file: "\$\{SECRETS_DIR/gm)].map(
  ([, name = '']) => name,
);

test('each secret of the stack is in the table of who reads it and how it is changed', () => {
  expect(names.length).toBeGreaterThan(20);
  const page = read('docs/operations/secrets.md');
  expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

test('`make rotate` knows each secret of the stack: it makes it, or asks for it', () => {
  const known = `${read('infra/host/secrets.sh')}${read('infra/host/common.sh')}`;
  expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(known))).toEqual([]);
});

const certificates = names.filter((name) => name.endsWith('_ca'));

test.each(certificates)('`make rotate SECRET=%s` reads no certificate from a terminal', async (name) => {
  const secrets = mkdtempSync(join(tmpdir(), 'secrets-'));
  onTestFinished(() => rmSync(secrets, { recursive: true }));
  writeFileSync(join(secrets, name), '');
  // A terminal of nobody's. Of a stack that isn't there: past the refusal there would be nothing to change, either.
  const { exitCode, output } = await run('bash', ['-c', 'exec infra/host/rotate.sh </dev/ptmx'], {
    environment: { SECRETS_DIR: secrets, SECRET: name, COMPOSE_PROJECT_NAME: 'nobodys' },
  });
  expect(output).toBe(
    `Refused: certificates are read from a file: make rotate SECRET=${name} <ca.pem. Nothing was changed.\n`,
  );
  expect(exitCode).toBe(1);
});
