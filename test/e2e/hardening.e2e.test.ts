/** What containers may do, as the engine has it and as the kernel has it; and that no secret is anywhere but in its file. */
import { randomUUID } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { call, eventually, signIn } from './client.ts';
import { type Container, inspectStack, inTurns, lookInside, serviceOf } from './inside.ts';
import type { SeenProcess } from './probe-processes.ts';
import {
  adminEmail,
  containersOf,
  repository,
  secret,
  secretsDirectory,
  shell,
  shellOrThrow,
  startStack,
} from './stack.ts';

beforeAll(startStack);

/** What one may and the others may not, and why. */
const EXCEPTIONS: Readonly<Record<string, { readonly may: readonly string[]; readonly why: string }>> = {
  autoscaler: {
    may: ['run as root', 'use the engine’s socket'],
    why: 'The socket is root’s, and what it is for is to add and remove containers. Off unless a person turns its profile on; no capability, no secret, no network but Prometheus’ (ADR 0030).',
  },
};

/** What a container may do beyond what is meant, as the engine was told. */
function liberties(container: Container): string[] {
  const { Config, HostConfig: host, Mounts } = container;
  const isShared = [host.PidMode, host.IpcMode, host.NetworkMode, host.UTSMode, host.UsernsMode].some(
    (mode) => mode === 'host' || mode.startsWith('container:'),
  );
  const found: readonly (readonly [string, boolean])[] = [
    // A name would be looked up in the image's own list of users.
    ['run as root', !/^[1-9]\d*(?::[1-9]\d*)?$/.test(Config.User)],
    [
      'use the engine’s socket',
      Mounts.some(({ Source, Destination }) => /docker\.sock/.test(Source + Destination)),
    ],
    ['do everything (privileged)', host.Privileged],
    ['keep capabilities', !host.CapDrop?.includes('ALL') || (host.CapAdd?.length ?? 0) > 0],
    ['gain privileges', !host.SecurityOpt?.some((option) => /^no-new-privileges(?::true)?$/.test(option))],
    [
      'call the kernel unfiltered',
      host.SecurityOpt?.some((option) => option.includes('unconfined')) ?? false,
    ],
    ['write to its root', !host.ReadonlyRootfs],
    ['take all memory', host.Memory <= 0],
    ['take all CPU', host.NanoCpus <= 0],
    ['make any number of processes', (host.PidsLimit ?? 0) <= 0],
    ['see a namespace that is not its own', isShared],
    ['use a device', (host.Devices?.length ?? 0) > 0],
  ];
  const may = EXCEPTIONS[serviceOf(container)]?.may ?? [];
  return found.flatMap(([liberty, isTaken]) =>
    isTaken !== may.includes(liberty)
      ? [`${container.Name}: ${isTaken ? liberty : `no need to ${liberty}`}`]
      : [],
  );
}

describe('containers', () => {
  test('have the limits that are meant for them, as the engine has it', async () => {
    // Off, and the only exception: made here, and not started.
    await shellOrThrow('docker compose --profile autoscale up --no-start --no-build --no-deps autoscaler');
    onTestFinished(
      async () => void (await shellOrThrow('docker compose --profile autoscale rm --force autoscaler')),
    );
    const { containers } = await inspectStack({ isAll: true });
    expect(containers.map(serviceOf)).toEqual(
      expect.arrayContaining([...Object.keys(EXCEPTIONS), 'migrate', 'app']),
    );
    expect(containers.flatMap(liberties)).toEqual([]);
  });

  test('have them as the kernel has it, in each of their processes, and no secret in an environment or on a command line', async () => {
    const secrets = secretsOfStack();
    const { containers } = await inspectStack();
    const wrong = await inTurns(containers, async (container) => {
      const { processes } = await lookInside(container);
      expect(processes.length, container.Name).toBeGreaterThan(0);
      const tell = ({ name }: SeenProcess, what: string) => `${container.Name}, ${name}: ${what}`;
      return processes.flatMap((one) => [
        ...(one.userIds.includes(0) ? [tell(one, 'is root')] : []),
        ...one.capabilities.map((set) => tell(one, set)),
        ...(one.mayGainPrivileges ? [tell(one, 'may gain privileges')] : []),
        ...(one.seccomp === 2 ? [] : [tell(one, `seccomp ${one.seccomp}`)]),
        ...namesOf(secrets, one.commandLine).map((name) => tell(one, `${name} on its command line`)),
        // redis-cli takes a password from its environment alone, for the instant that a health check takes.
        ...namesOf(one.name === 'redis-cli' ? [] : secrets, one.environment).map((name) =>
          tell(one, `${name} in its environment`),
        ),
      ]);
    });
    expect(wrong.flat()).toEqual([]);
  });
});

interface Secret {
  readonly name: string;
  readonly value: string;
}

/** So long that nothing else is by chance the same. */
const SHORTEST_SECRET = 12;

/** Each line of each file is one, as of a ring of keys. Certificates are public. */
function secretsOfStack(): Secret[] {
  const secrets = readdirSync(secretsDirectory)
    .filter((name) => !name.startsWith('.') && !name.endsWith('_ca'))
    .flatMap((name) =>
      readFileSync(join(secretsDirectory, name), 'utf8')
        .split('\n')
        .map((line) => ({ name, value: line.trim() })),
    )
    .filter(({ value }) => value.length >= SHORTEST_SECRET);
  expect(secrets.length).toBeGreaterThan(10);
  return secrets;
}

/** What builds are given to fetch packages with. */
function secretsOfBuilds(): Secret[] {
  const path = join(repository, '.build', 'npmrc');
  if (!existsSync(path)) return [];
  return [...readFileSync(path, 'utf8').matchAll(/(_auth\w*|_password)\s*=\s*(\S+)/g)]
    .map(([, name = '', value = '']) => ({ name, value }))
    .filter(({ value }) => value.length >= SHORTEST_SECRET);
}

const namesOf = (secrets: readonly Secret[], text: string): string[] =>
  secrets.filter(({ value }) => text.includes(value)).map(({ name }) => name);

describe('secrets', () => {
  test('are in nothing that `docker inspect` or an image’s history tells', async () => {
    const { containers, text } = await inspectStack({ isAll: true });
    const images = [...new Set(containers.map(({ Image }) => Image))];
    const { stdout } = await shellOrThrow(
      `docker image inspect ${images.join(' ')} && for image in ${images.join(' ')}; do docker history --no-trunc --format '{{.CreatedBy}} {{.Comment}}' $image; done`,
    );
    const secrets = [...secretsOfStack(), ...secretsOfBuilds()];
    expect(namesOf(secrets, text)).toEqual([]);
    expect(namesOf(secrets, stdout)).toEqual([]);
  });

  test('are in no log, whatever they come in', async () => {
    const planted = ['password', 'bearer', 'api-key', 'query', 'path', 'cookie'].map((name) => ({
      name: `a planted ${name}`,
      value: `${name}-${randomUUID()}`,
    }));
    const of = (name: string) => planted.find((one) => one.name.endsWith(name))?.value ?? '';
    const token = await signIn();
    const requestId = randomUUID();
    const asks: Parameters<typeof call>[] = [
      ['GET', '/api/v1/users', { token }],
      ['GET', '/api/v1/users', { apiKey: secret('load_api_key') }],
      ['POST', '/api/v1/auth/login', { body: { email: adminEmail, password: of('password') } }],
      ['GET', '/api/v1/users', { token: of('bearer') }],
      ['GET', '/api/v1/users', { apiKey: of('api-key') }],
      ['GET', `/api/v1/users?token=${of('query')}`, {}],
      ['GET', `/unsubscribe/${of('path')}`, {}],
      ['GET', '/api/v1/users', { headers: { cookie: `sv.session_token=${of('cookie')}` } }],
      ['GET', '/health/live', { headers: { 'x-request-id': requestId } }],
    ];
    for (const ask of asks) await call(...ask);
    // nginx writes a second later at the latest: what came before this is in its log, too.
    const [nginx] = await containersOf('nginx');
    await eventually(
      () => shell(`docker logs --tail 200 ${nginx} 2>&1 | grep -F ${requestId}`),
      ({ exitCode }) => exitCode === 0,
      { seconds: 30, what: 'the last request in nginx’ log' },
    );

    const folder = mkdtempSync(join(tmpdir(), 'secrets-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const patterns = join(folder, 'patterns');
    const secrets = [...secretsOfStack(), ...planted, { name: 'a session', value: token }];
    writeFileSync(patterns, secrets.map(({ value }) => `${value}\n`).join(''), { mode: 0o600 });
    const { containers } = await inspectStack({ isAll: true });
    // Not those that support.e2e.test.ts puts there on purpose, each behind its mark.
    const { stdout } = await shellOrThrow(
      `for id in ${containers.map(({ Id }) => Id).join(' ')}; do` +
        ` docker logs $id 2>&1 | grep -avE 'planted-[0-9a-f-]{36} ' | grep -aoFf ${patterns} | sort -u; done`,
    );
    expect(namesOf(secrets, stdout)).toEqual([]);
  });

  test('get into no image: of what is planted in a checkout, a build sees nothing', async () => {
    const checkout = mkdtempSync(join(tmpdir(), 'checkout-'));
    onTestFinished(() => rmSync(checkout, { recursive: true }));
    const marker = randomUUID();
    const plant = (path: string) => {
      mkdirSync(dirname(join(checkout, path)), { recursive: true });
      writeFileSync(join(checkout, path), marker);
    };
    const kept = 'apps/api/src/main.ts';
    const planted = [
      ...['secrets/db_app_password', 'secrets/.old-db_app_password', 'secrets.second/db_app_password'],
      ...['.env', '.env.second', '.build/npmrc', '.build/e2e/secrets/db_app_password', '.git/config'],
      ...['backups/dumps/sv.dump', 'bundle/images.tar', 'support-2026.tar.gz', 'apps/api/debug.log'],
    ];
    for (const path of [kept, ...planted]) plant(path);
    copyFileSync(join(repository, '.dockerignore'), join(checkout, '.dockerignore'));
    writeFileSync(join(checkout, 'Dockerfile'), 'FROM scratch\nCOPY . /\n');
    await shellOrThrow(`docker build --quiet --output type=local,dest=${checkout}/seen ${checkout}`);
    const seen = readdirSync(join(checkout, 'seen'), { recursive: true, encoding: 'utf8' });
    expect(seen).toContain(kept);
    expect(planted.filter((path) => seen.includes(path))).toEqual([]);
  });
});
