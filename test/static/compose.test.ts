import { beforeAll, describe, expect, test } from 'vitest';
import { runOrThrow } from '../harness/run.ts';

interface Port {
  host_ip?: string;
  published?: string;
  target: number;
}

interface Service {
  image?: string;
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
}

const SCALED = ['app', 'worker'];
/** What runs to its end: at every start, or when a person calls for it. */
const ONE_SHOT = ['migrate', 'sdk'];

let services: [string, Service][];
let networks: Record<string, { internal?: boolean }>;

beforeAll(async () => {
  // With no .env: the defaults must stand for themselves.
  const result = await runOrThrow('docker', [
    'compose',
    '--env-file',
    '/dev/null',
    '--profile',
    '*',
    'config',
    '--format',
    'json',
  ]);
  const config = JSON.parse(result.stdout);
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

test('only the ways in, the worker and the app are on a network that leads outside', () => {
  const outside = Object.entries(networks)
    .filter(([, network]) => network.internal !== true)
    .map(([name]) => name);
  expect(outside.toSorted()).toEqual(['edge', 'egress']);
  const on = (network: string) => offenders((service) => network in (service.networks ?? {})).toSorted();
  expect(on('edge')).toEqual(['alertmanager', 'grafana', 'maildev', 'nginx', 'prometheus']);
  expect(on('egress')).toEqual(['app', 'worker']);
});
