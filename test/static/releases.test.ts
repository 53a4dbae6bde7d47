import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

test('the checkout is the last release of the list', () => {
  const listed = readFileSync('infra/host/releases.txt', 'utf8').match(/^\d\S*/gm);
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  expect(listed?.at(-1)).toBe(version);
});

test.each([
  ['1.0.0', '1.1.0', ''],
  ['1.0.0', '1.2.0', ''],
  ['1.1.0', '2.1.0', 'leads over 2.0.0, which must not be left out'],
  ['1.1.0', '2.0.0', ''],
  ['2.0.0', '2.1.0', ''],
  ['2.0.0', '1.1.0', 'the checkout is older'],
  ['0.9.0', '1.1.0', 'does not know'],
  ['1.0.0', '3.0.0', 'is not a release'],
])('from %s to %s: %j', (from, to, why) => {
  const folder = mkdtempSync(join(tmpdir(), 'releases-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const list = join(folder, 'releases.txt');
  writeFileSync(list, '# a comment\n1.0.0\n1.1.0\n1.2.0\n2.0.0 stop\n2.1.0\n');
  const said = execFileSync('bash', [
    '-c',
    `. infra/host/common.sh; . infra/host/releases.sh; RELEASES=${list}; why_no_way ${from} ${to}`,
  ]).toString();
  if (why === '') expect(said).toBe('');
  else expect(said).toContain(why);
});
