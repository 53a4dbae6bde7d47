import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (path: string) => readFileSync(path, 'utf8');

test('each setting that a compose file takes is documented', () => {
  const files = ['docker-compose.yml', 'docker-compose.scale.yml', 'docker-compose.prod.yml'];
  const taken = [
    ...files
      .map(read)
      .join('\n')
      .matchAll(/\$\{([A-Z][A-Z0-9_]*)/g),
  ].map(([, name]) => name as string);
  // What the images are based on is chosen by infra/host/images.sh, not by a person.
  const settings = [...new Set(taken)].filter((name) => !name.startsWith('BASE_'));
  expect(settings.length).toBeGreaterThan(30);
  const page = read('docs/operations/settings.md');
  expect(settings.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

test('each setting of .env.example is read by something', () => {
  const names = [...read('.env.example').matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name as string);
  const readers = ['docker-compose.yml', 'infra/host/images.sh', 'infra/host/common.sh'].map(read).join('\n');
  // Compose itself reads this one.
  const unread = names.filter(
    (name) => name !== 'COMPOSE_FILE' && !new RegExp(`\\b${name}\\b`).test(readers),
  );
  expect(unread).toEqual([]);
});
