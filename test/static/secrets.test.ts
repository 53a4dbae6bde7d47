import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

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
