import { beforeAll, describe, expect, test } from 'vitest';
import { runOrThrow } from '../harness/run.ts';

interface Port {
  host_ip?: string;
  published?: string;
  target: number;
}

interface Service {
  image?: string;
  build?: object;
  container_name?: string;
  restart?: string;
  init?: boolean;
  read_only?: boolean;
  privileged?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  mem_limit?: string;
  cpus?: number;
  pids_limit?: number;
  logging?: { options?: Record<string, string> };
  ports?: Port[];
  networks?: Record<string, unknown>;
  depends_on?: Record<string, { condition: string }>;
  environment?: Record<string, string>;
  scale?: number;
  profiles?: string[];
}

const SCALED = ['app', 'worker'];
/** What runs to its end: at every start, or when a person calls for it. */
const ONE_SHOT = ['migrate', 'redis-cluster-init', 'restore-drill', 'sdk'];

let services: [string, Service][];
let networks: Record<string, { internal?: boolean }>;

/** As Compose reads it with these settings alone. */
async function composeWith(
  settings: Record<string, string> = {},
  files: readonly string[] = ['docker-compose.yml'],
) {
  const result = await runOrThrow(
    'docker',
    [
      'compose',
      ...files.flatMap((file) => ['--file', file]),
      ...['--env-file', '/dev/null', '--profile', '*', 'config', '--format', 'json'],
    ],
    { environment: settings },
  );
  return JSON.parse(result.stdout) as {
    services: Record<string, Service>;
    networks: Record<string, { internal?: boolean }>;
  };
}

beforeAll(async () => {
  // With no .env: the defaults must stand for themselves.
  const config = await composeWith({}, ['docker-compose.yml', 'docker-compose.scale.yml']);
  services = Object.entries(config.services);
  networks = config.networks;
});

const offenders = (isWrong: (service: Service, name: string) => boolean) =>
  services.filter(([name, service]) => isWrong(service, name)).map(([name]) => name);

describe('every service', () => {
  test('drops all capabilities and may gain none', () => {
    expect(offenders((service) => !service.cap_drop?.includes('ALL'))).toEqual([]);
    expect(offenders((service) => !service.security_opt?.includes('no-new-privileges:true'))).toEqual([]);
    expect(offenders((service) => service.privileged === true)).toEqual([]);
  });

  test('has a read-only root, an init and limits of memory, CPU and processes', () => {
    expect(offenders((service) => service.read_only !== true)).toEqual([]);
    expect(offenders((service) => service.init !== true)).toEqual([]);
    expect(offenders((service) => !service.mem_limit || !service.cpus || !service.pids_limit)).toEqual([]);
  });

  test('keeps at most 5 × 10 MB of log', () => {
    expect(
      offenders(
        ({ logging }) => logging?.options?.['max-size'] !== '10m' || logging.options['max-file'] !== '5',
      ),
    ).toEqual([]);
  });

  test('is restarted by the engine, unless it runs once', () => {
    expect(
      offenders((service, name) => !ONE_SHOT.includes(name) && service.restart !== 'unless-stopped'),
    ).toEqual([]);
  });

  test('has a pinned image', () => {
    expect(
      offenders((service) => !service.image?.includes(':') || service.image.endsWith(':latest')),
    ).toEqual([]);
  });

  test('waits for the health of what it depends on, not for its start', () => {
    expect(
      offenders((service) =>
        Object.values(service.depends_on ?? {}).some(({ condition }) => condition === 'service_started'),
      ),
    ).toEqual([]);
  });
});

test('each image is built by one service, so that building again changes no image and recreates nothing', () => {
  const built = services.flatMap(([, { image, build }]) => (build === undefined ? [] : [image]));
  expect(built.toSorted()).toEqual([...new Set(built)].toSorted());
  const ours = services.flatMap(([, { image = '' }]) => (image.startsWith('sv-sdk/') ? [image] : []));
  expect([...new Set(ours)].filter((image) => !built.includes(image))).toEqual([]);
});

test('every published port is bound to loopback', () => {
  expect(offenders((service) => (service.ports ?? []).some((port) => port.host_ip !== '127.0.0.1'))).toEqual(
    [],
  );
});

test('what scales has no name of its own and no published port', () => {
  for (const name of SCALED) {
    const service = services.find(([candidate]) => candidate === name)?.[1];
    expect(service, name).toBeDefined();
    expect(service?.container_name).toBeUndefined();
    expect(service?.ports).toBeUndefined();
  }
});

test('only the ways in, the worker, the app, acme and the command line are on a network that leads outside', () => {
  const outside = Object.entries(networks)
    .filter(([, network]) => network.internal !== true)
    .map(([name]) => name);
  expect(outside.toSorted()).toEqual(['edge', 'egress']);
  const on = (network: string) => offenders((service) => network in (service.networks ?? {})).toSorted();
  expect(on('edge')).toEqual(['alertmanager', 'grafana', 'maildev', 'nginx', 'prometheus']);
  expect(on('egress')).toEqual(['acme', 'app', 'sdk', 'worker']);
});

describe('in production', () => {
  const FILES = ['docker-compose.yml', 'docker-compose.prod.yml'];

  test('80 and 443 lead to nginx, and all else is bound to loopback', async () => {
    const config = await composeWith({ DOMAIN: 'api.sv.internal' }, FILES);
    const open = Object.entries(config.services).flatMap(([name, { ports = [], scale }]) =>
      scale === 0
        ? []
        : ports
            .filter(({ host_ip: address }) => address !== '127.0.0.1')
            .map(({ published, target }) => `${name} ${published} to ${target}`),
    );
    expect([...new Set(open)]).toEqual(['nginx 80 to 8082', 'nginx 443 to 8443']);
  });

  test('a catcher for mail is left out, and acme is there without a profile', async () => {
    const { services: all } = await composeWith({ DOMAIN: 'api.sv.internal' }, FILES);
    expect(all['maildev']?.scale).toBe(0);
    expect(all['acme']).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
    expect(all['acme']?.profiles ?? []).toEqual([]);
  });

  test('without a domain nothing starts, and it is said what to do', async () => {
    await expect(composeWith({}, FILES)).rejects.toThrow('make up ENV=production DOMAIN=api.example.org');
  });
});

describe('by the URLs of servers that are elsewhere', () => {
  const POSTGRES = ['postgres', 'postgres-replica'];
  const PGBOUNCER = ['pgbouncer', 'pgbouncer-exporter'];
  const SERVER = 'postgres://db.example/sv?sslmode=verify-full';
  const REPLICA = 'postgres://replica.example/sv?sslmode=verify-full';
  const POOLED_REPLICA = 'postgres://sv_app@pgbouncer:6432/sv_ro';

  /** What is set, what is left out, who reaches outside besides acme, app, worker and sdk, and where the app reads. */
  test.each<[string, Record<string, string>, string[], string[], string]>([
    ['none', {}, [], [], POOLED_REPLICA],
    [
      'Postgres, behind the bundled PgBouncer',
      { DATABASE_DIRECT_URL: SERVER },
      [...POSTGRES, 'postgres-replica-exporter'],
      ['migrate', 'pgbouncer', 'postgres-exporter'],
      '',
    ],
    [
      'Postgres and its replica, behind the bundled PgBouncer',
      { DATABASE_DIRECT_URL: SERVER, DATABASE_REPLICA_DIRECT_URL: REPLICA },
      POSTGRES,
      ['migrate', 'pgbouncer', 'postgres-exporter', 'postgres-replica-exporter'],
      POOLED_REPLICA,
    ],
    [
      'Postgres, without PgBouncer',
      { DATABASE_URL: SERVER },
      [...POSTGRES, ...PGBOUNCER, 'postgres-replica-exporter'],
      ['migrate', 'postgres-exporter'],
      '',
    ],
    [
      'a pooler, the server behind it, and a replica',
      { DATABASE_URL: SERVER, DATABASE_DIRECT_URL: SERVER, DATABASE_REPLICA_URL: REPLICA },
      [...POSTGRES, ...PGBOUNCER],
      ['migrate', 'pgbouncer', 'postgres-exporter', 'postgres-replica-exporter'],
      REPLICA,
    ],
    ['only the cache', { REDIS_URL: 'rediss://c' }, ['redis'], ['redis-exporter'], POOLED_REPLICA],
    [
      'only the queue',
      { REDIS_QUEUE_URL: 'rediss://q' },
      ['redis-queue'],
      ['redis-exporter'],
      POOLED_REPLICA,
    ],
  ])('%s', async (_what, settings, leftOut, outside, replicaUrl) => {
    const config = await composeWith(settings);
    const named = (isMeant: (service: Service) => boolean) =>
      Object.entries(config.services)
        .filter(([, service]) => isMeant(service))
        .map(([name]) => name)
        .toSorted();
    expect(named(({ scale }) => scale === 0)).toEqual(leftOut.toSorted());
    const reach = named(({ networks: on, scale }) => scale !== 0 && 'egress' in (on ?? {}));
    const expected = outside.filter((name) => !leftOut.includes(name));
    expect(reach).toEqual(['acme', 'app', 'sdk', 'worker', ...expected].toSorted());
    for (const name of ['app', 'sdk']) {
      expect(config.services[name]?.environment?.['DATABASE_REPLICA_URL']).toBe(replicaUrl);
    }
  });

  test('migrations go to DATABASE_URL where nothing else is named', async () => {
    const direct = async (settings: Record<string, string>) =>
      (await composeWith(settings)).services['migrate']?.environment?.['DATABASE_DIRECT_URL'];
    expect(await direct({})).toBe(
      'postgres://sv_owner@postgres,postgres-replica/sv?target_session_attrs=read-write',
    );
    expect(await direct({ DATABASE_URL: SERVER })).toBe(SERVER);
    expect(await direct({ DATABASE_URL: 'postgres://proxy/sv', DATABASE_DIRECT_URL: SERVER })).toBe(SERVER);
  });
});
