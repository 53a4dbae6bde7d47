/** What the platform is made of is pinned, may run nothing at its installation, and has licences that were agreed to. */
import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Bom, type Component, licenceOf, nameOf, othersOf } from '../../infra/platform/bom.ts';
import { runOrThrow } from '../harness/run.ts';

const read = (path: string) => readFileSync(path, 'utf8');
const workspace = read('pnpm-workspace.yaml');
/** Names and values of a map at the top of the workspace's file. */
const entriesOf = (map: string) => {
  const [, lines = ''] = new RegExp(`^${map}:\\n((?: +.*\\n)+)`, 'm').exec(workspace) ?? [];
  return [...lines.matchAll(/^ +"?([^":\s]+)"?: (\S+)$/gm)].map(
    ([, name = '', value = '']) => [name, value] as const,
  );
};

/** None of them asks for more than to be named, in the image or on a page. */
const LICENCES = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC-BY-4.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'Python-2.0',
]);
/** Read by a person, as the package names its licence in a form of its own. */
const READ_BY_A_PERSON = new Map([
  // "licenses": [{"type": "MIT"}], npm's old form.
  ['config-chain', 'none'],
  ['slick', 'MIT (http://mootools.net/license.txt)'],
]);

test('no package may run a script at its installation', () => {
  const builds = entriesOf('allowBuilds');
  expect(builds.length).toBeGreaterThan(0);
  expect(builds.filter(([, may]) => may !== 'false')).toEqual([]);
  // pnpm's own default is to run none that isn't named; these would change that.
  expect(workspace).not.toMatch(/^(dangerouslyAllowAllBuilds|onlyBuiltDependencies|strictDepBuilds):/m);
});

test('npm, where an image has to use it, runs no script but pnpm’s own', () => {
  const commands = globSync('infra/**/*Dockerfile').flatMap((path) =>
    [...read(path).matchAll(/(?<!p)npm (?:ci|install) .*/g)].map(([command]) => command),
  );
  expect(commands.length).toBeGreaterThan(2);
  expect(commands.filter((command) => !/--ignore-scripts|--allow-scripts=pnpm /.test(command))).toEqual([]);
});

test('every version is exact, and every package in the lock files has its digest', () => {
  const versions = entriesOf('catalog');
  expect(versions.length).toBeGreaterThan(30);
  expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))).toEqual([]);
  const locks = globSync('infra/*/pnpm-lock.yaml');
  expect(locks.length).toBeGreaterThan(1);
  for (const path of ['pnpm-lock.yaml', ...locks]) {
    const resolutions = read(path).match(/^ {4}resolution: .*$/gm) ?? [];
    expect(resolutions.length).toBeGreaterThan(50);
    expect(resolutions.filter((line) => !line.includes('{integrity: sha512-'))).toEqual([]);
  }
});

test('every package that is shipped has a licence that was agreed to', async () => {
  const { stdout } = await runOrThrow('pnpm', [
    'sbom',
    '--sbom-format=cyclonedx',
    '--sbom-type=application',
    '--prod',
  ]);
  const bom = JSON.parse(stdout) as Bom;
  expect(bom.bomFormat).toBe('CycloneDX');
  const others = othersOf(bom);
  expect(others.length).toBeGreaterThan(100);
  const isAgreedTo = (component: Component) =>
    LICENCES.has(licenceOf(component)) || READ_BY_A_PERSON.get(component.name) === licenceOf(component);
  const unread = others.filter((component) => !isAgreedTo(component));
  expect(unread.map((component) => `${nameOf(component)}: ${licenceOf(component)}`)).toEqual([]);
});
