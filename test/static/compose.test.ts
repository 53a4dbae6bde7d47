import { beforeAll, describe, expect, test } from 'vitest';
import { runOrThrow } from '../harness/run.ts';
import { COMPANY, createMayMeet, kindOf, LISTENS, OUTSIDE, WAYS } from '../harness/ways.ts';

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
  cap_add?: string[];
  pid?: string;
  ipc?: string;
  network_mode?: string;
  devices?: unknown[];
  security_opt?: string[];
  mem_limit?: string;
  cpus?: number;
  pids_limit?: number;
  logging?: { options?: Record<string, string> };
  ports?: Port[];
  user?: string;
  volumes?: { source?: string; target: string }[];
  networks?: Record<string, unknown>;
  depends_on?: Record<string, { condition: string }>;
  environment?: Record<string, string>;
  scale?: number;
  profiles?: string[];
}

const SCALED = ['app', 'worker'];
/** What runs to its end: at every start, or when a person calls for it. */
const ONE_SHOT = ['migrate', 'redis-cluster-init', 'restore-drill', 'sdk'];

interface Network {
  internal?: boolean;
  driver_opts?: Record<string, string>;
}

interface Configuration {
  services: Record<string, Service>;
  networks: Record<string, Network>;
}

const BASE = ['docker-compose.yml'];
const SCALED_UP = [...BASE, 'docker-compose.scale.yml'];
const PRODUCTION = [...BASE, 'docker-compose.prod.yml'];

let services: [string, Service][];
let networks: Record<string, Network>;

/** As Compose reads it with these settings alone. */
async function composeWith(
  settings: Record<string, string> = {},
  files: readonly string[] = BASE,
): Promise<Configuration> {
  const result = await runOrThrow(
    'docker',
    [
      'compose',
      ...files.flatMap((file) => ['--file', file]),
      ...['--env-file', '/dev/null', '--profile', '*', 'config', '--format', 'json'],
    ],
    { environment: settings },
  );
  return JSON.parse(result.stdout) as Configuration;
}

beforeAll(async () => {
  // With no .env: the defaults must stand for themselves.
  const config = await composeWith({}, SCALED_UP);
  services = Object.entries(config.services);
  networks = config.networks;
});

const offenders = (isWrong: (service: Service, name: string) => boolean) =>
  services.filter(([name, service]) => isWrong(service, name)).map(([name]) => name);

describe('every service', () => {
  test('drops all capabilities and may gain none', () => {
    expect(offenders((service) => !service.cap_drop?.includes('ALL'))).toEqual([]);
    // No word of seccomp: the engine's own profile is on.
    expect(offenders((service) => service.security_opt?.join(' ') !== 'no-new-privileges:true')).toEqual([]);
    expect(offenders((service) => service.privileged === true)).toEqual([]);
    expect(offenders((service) => service.cap_add !== undefined)).toEqual([]);
    expect(
      offenders(({ pid, ipc, network_mode: mode, devices }) => [pid, ipc, mode, devices].some((one) => one)),
    ).toEqual([]);
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

test('the engine’s socket, and root, are the autoscaler’s alone, which only its profile starts', () => {
  const hasSocket = offenders(({ volumes = [] }) =>
    volumes.some(({ source = '', target }) => `${source} ${target}`.includes('docker.sock')),
  );
  expect(hasSocket).toEqual(['autoscaler']);
  // The images say whom the others run as (test/e2e/hardening.e2e.test.ts).
  expect(offenders(({ user }) => user !== undefined)).toEqual(['autoscaler']);
  expect(services.find(([name]) => name === 'autoscaler')?.[1].profiles).toEqual(['autoscale']);
});

describe('networks', () => {
  const kindsOn = (network: string) => [
    ...new Set(offenders((service) => network in (service.networks ?? {})).map(kindOf)),
  ];

  test('each is joined by whom the table of ways names', () => {
    const found = Object.fromEntries(
      COMPANY.map(({ network }) => [network, kindsOn(network).toSorted()] as const),
    );
    expect(found).toEqual(
      Object.fromEntries(COMPANY.map(({ network, kinds }) => [network, kinds.toSorted()] as const)),
    );
    const told = [...COMPANY.map(({ network }) => network), ...Object.keys(OUTSIDE), 'drill'];
    expect(Object.keys(networks).toSorted()).toEqual([...new Set(told)].toSorted());
  });

  test('each way leads to where somebody listens', () => {
    const nowhere = WAYS.filter(
      ({ to, ports, isOfProduction }) =>
        isOfProduction !== true && ports.some((port) => !LISTENS[to]?.includes(port)),
    );
    expect(nowhere).toEqual([]);
  });

  test('each leads nowhere, but for those that the table tells of', () => {
    const outside = Object.entries(networks)
      .filter(([, { internal }]) => internal !== true)
      .filter(
        ([, { driver_opts: options }]) =>
          options?.['com.docker.network.bridge.enable_ip_masquerade'] !== 'false',
      )
      .map(([name]) => name);
    expect(outside.toSorted()).toEqual(Object.keys(OUTSIDE).toSorted());
    for (const [network, { kinds }] of Object.entries(OUTSIDE)) {
      expect(kindsOn(network).toSorted(), network).toEqual(kinds.toSorted());
    }
  });

  test.each([
    ['in development, with every profile', {}, SCALED_UP, false],
    ['in production', { DOMAIN: 'api.sv.internal' }, PRODUCTION, true],
  ] as const)(
    '%s two services share one only where a way needs it',
    async (_what, settings, files, isProduction) => {
      const { services: all } = await composeWith(settings, files);
      const mayMeet = createMayMeet(isProduction);
      const isThere = Object.entries(all).filter(([, { scale }]) => scale !== 0);
      const share = (one: Service, other: Service) =>
        Object.keys(one.networks ?? {}).some((network) => network in (other.networks ?? {}));
      const strangers = isThere.flatMap(([name, service], index) =>
        isThere
          .slice(index + 1)
          .filter(([other, its]) => share(service, its) && !mayMeet(kindOf(name), kindOf(other)))
          .map(([other]) => `${name} and ${other}`),
      );
      expect(strangers).toEqual([]);
      const cut = WAYS.filter((way) => isProduction || way.isOfProduction !== true).filter(({ from, to }) =>
        isThere.some(
          ([name, service]) =>
            kindOf(name) === from &&
            isThere.some(([other, its]) => kindOf(other) === to && !share(service, its)),
        ),
      );
      expect(cut).toEqual([]);
    },
  );
});

describe('in production', () => {
  test('80 and 443 lead to nginx, and all else is bound to loopback', async () => {
    const config = await composeWith({ DOMAIN: 'api.sv.internal' }, PRODUCTION);
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
    const { services: all } = await composeWith({ DOMAIN: 'api.sv.internal' }, PRODUCTION);
    expect(all['maildev']?.scale).toBe(0);
    expect(all['acme']).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
    expect(all['acme']?.profiles ?? []).toEqual([]);
  });

  test('without a domain nothing starts, and it is said what to do', async () => {
    await expect(composeWith({}, PRODUCTION)).rejects.toThrow(
      'make up ENV=production DOMAIN=api.example.org',
    );
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
