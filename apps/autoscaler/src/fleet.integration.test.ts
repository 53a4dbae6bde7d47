/** On real Docker, with a project that real Compose has started: what is added is Compose's own, what goes away drains. */
import { randomBytes } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { createEngine } from './engine.ts';
import { createFleet } from './fleet.ts';
import { docker, IMAGE, startTinyProject, type TinyProject } from './testing/tiny-project.ts';

const socketPath = '/var/run/docker.sock';
const fleetOf = (project: TinyProject, signal = new AbortController().signal) =>
  createFleet(createEngine({ socketPath, signal }), project.name);
const ids = async (project: TinyProject, service = 'app') =>
  (await project.containers(service)).map(({ id }) => id).toSorted();

async function configOf(id: string) {
  const { stdout } = await docker(['inspect', id]);
  const [{ Config, HostConfig, NetworkSettings, Image }] = JSON.parse(stdout);
  const { Labels, Hostname: _own, ...config } = Config;
  const { 'com.docker.compose.container-number': _number, 'sv-sdk.made-by': _madeBy, ...labels } = Labels;
  return {
    Image,
    config,
    labels,
    HostConfig,
    networks: Object.fromEntries(
      Object.entries<{ Aliases: string[] }>(NetworkSettings.Networks).map(([name, { Aliases }]) => [
        name,
        Aliases.includes('app'),
      ]),
    ),
  };
}

test('what is added is as Compose would have made it: same configuration, and a later `up` changes nothing', async () => {
  const project = await startTinyProject();
  await project.up({ app: 2 });
  const first = await ids(project);
  await fleetOf(project).add('app', 2);
  await expect.poll(async () => (await fleetOf(project).look('app')).starting).toBe(0);
  const containers = await project.containers('app');
  expect(containers.map(({ name }) => name)).toEqual([1, 2, 3, 4].map((n) => `${project.name}-app-${n}`));
  const [copied, original] = [containers[3]?.id ?? '', containers[0]?.id ?? ''];
  expect(await configOf(copied)).toEqual(await configOf(original));

  const all = await ids(project);
  expect(all).toEqual(expect.arrayContaining(first));
  await project.up({ app: 4 });
  expect(await ids(project)).toEqual(all);
  // Compose takes away what was added here, too.
  await project.up({ app: 2 });
  expect(await ids(project)).toHaveLength(2);
});

test('whoever is added is found by the name of its service, on every network of it', async () => {
  const project = await startTinyProject();
  await project.up({ app: 1 });
  await fleetOf(project).add('app', 1);
  const [worker] = await project.containers('worker');
  const { stdout } = await docker(['exec', worker?.id ?? '', 'getent', 'ahostsv4', 'app']);
  const addresses = new Set(
    stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(' ')[0]),
  );
  expect(addresses.size).toBe(2);
  for (const network of ['front', 'back']) {
    const { stdout: members } = await docker(['network', 'inspect', `${project.name}_${network}`]);
    expect(members).toContain(`"${project.name}-app-2"`);
  }
});

test('the newest goes first, is told to stop, and has its time to finish', async () => {
  const project = await startTinyProject();
  await project.up({ app: 3 });
  const third = (await project.containers('app'))[2];
  await fleetOf(project).takeAway('app');
  expect((await project.containers('app')).map(({ name }) => name)).toEqual(
    [1, 2].map((n) => `${project.name}-app-${n}`),
  );
  expect(await project.log()).toContain(`${third?.id.slice(0, 12)} finished`);
});

test('one that is not healthy goes before any that is', async () => {
  const project = await startTinyProject();
  await project.up({ app: 3 });
  await docker(['pause', `${project.name}-app-1`]);
  expect(await fleetOf(project).look('app')).toMatchObject({ running: 3, unhealthy: 1 });
  await fleetOf(project).takeAway('app');
  expect((await project.containers('app')).map(({ name }) => name)).toEqual(
    [2, 3].map((n) => `${project.name}-app-${n}`),
  );
});

test('who was added after a deploy, which leaves no low numbers, goes before those that were there', async () => {
  const project = await startTinyProject();
  await project.up({ app: 3 });
  await docker(['rm', '--force', `${project.name}-app-1`]);
  const there = await ids(project);
  await fleetOf(project).add('app', 1);
  expect((await project.containers('app')).map(({ name }) => name)).toEqual(
    [2, 3, 4].map((n) => `${project.name}-app-${n}`),
  );
  await fleetOf(project).takeAway('app');
  expect(await ids(project)).toEqual(there);
});

test('what was cut off in the middle counts for nothing, and is finished by whoever looks next', async () => {
  const project = await startTinyProject();
  await project.up({ app: 3 });
  const stop = new AbortController();
  const cutOff = fleetOf(project, stop.signal).takeAway('app');
  const names = async () => (await project.containers('app')).map(({ name }) => name);
  await expect.poll(names, { interval: 20 }).toContain(`${project.name}-app-3-leaving`);
  stop.abort();
  await expect(cutOff).rejects.toThrow('gave no answer');
  // Made and never started, by us and by a person: one is ours to remove. (`down` goes by the hash as well.)
  for (const [number, label] of [
    [8, 'sv-sdk.made-by=autoscaler'],
    [9, 'sv-sdk.made-by=somebody'],
  ]) {
    const of = [
      `project=${project.name}`,
      'service=app',
      'oneoff=False',
      `container-number=${number}`,
      'config-hash=none',
    ];
    await docker(
      ['create', '--name', `${project.name}-app-${number}`, '--label', String(label)]
        .concat(of.flatMap((one) => ['--label', `com.docker.compose.${one}`]))
        .concat(IMAGE),
    );
  }

  const fleet = fleetOf(project);
  // What somebody else has made a moment ago, Compose for one, is about to start.
  expect(await fleet.look('app')).toMatchObject({ running: 3, starting: 1 });
  expect([...(await fleet.finish('app'))].toSorted()).toEqual(
    [`${project.name}-app-3-leaving`, `${project.name}-app-8`].toSorted(),
  );
  expect(await names()).toEqual([1, 2, 9].map((n) => `${project.name}-app-${n}`));
  expect(await fleet.finish('app')).toEqual([]);
});

test('a copy is of the image that runs, also when the tag means another by now', async () => {
  const tag = `sv-tiny-image:${randomBytes(4).toString('hex')}`;
  await docker(['tag', IMAGE, tag]);
  onTestFinished(async () => void (await docker(['rmi', '-f', tag])));
  const project = await startTinyProject(tag);
  onTestFinished(async () => void (await docker(['tag', IMAGE, tag])));
  await project.up({ app: 1 });
  await docker(['tag', `sv-sdk/postgres:${process.env['SV_VERSION'] ?? 'dev'}`, tag]);
  await fleetOf(project).add('app', 1);
  const [first, second] = await ids(project);
  expect((await configOf(second ?? '')).Image).toBe((await configOf(first ?? '')).Image);
});

test('instances of two configurations are seen, as they run during a deploy', async () => {
  const project = await startTinyProject();
  await project.up({ app: 1 });
  expect(await fleetOf(project).look('app')).toEqual({
    running: 1,
    starting: 0,
    unhealthy: 0,
    isMixed: false,
    memoryLimitBytes: 64 * 1024 ** 2,
  });
  await project.up({ app: 2 }, { greeting: 'good day', arguments: ['--no-recreate'] });
  expect(await fleetOf(project).look('app')).toMatchObject({ running: 2, isMixed: true });
});

test('an engine that is not there is named in the error', async () => {
  const engine = createEngine({ socketPath: '/nowhere.sock', signal: new AbortController().signal });
  await expect(createFleet(engine, 'any').look('app')).rejects.toThrow(
    'the engine (/nowhere.sock) gave no answer',
  );
});
