/** For tests: a Compose project of two services on real Docker, as small as it can be and still have what ours has. */
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';

const LIMIT_MS = 90_000;
/** Any image of ours with a shell; nothing of it runs. */
export const IMAGE = `sv-sdk/redis:${process.env['SV_VERSION'] ?? 'dev'}`;

/** Writes when it begins and ends; told to stop, it takes its time and finishes. */
const COMMAND = `
  trap 'sleep 1; echo "$$HOSTNAME finished" >>/shared/log; exit 0' TERM
  echo "$$HOSTNAME started" >>/shared/log
  while :; do sleep 0.1; done`;

/** A /28 by name: of Docker's own pools, which are /16, a machine that runs many tests has none left. */
const subnet = (name: string, index: number) => {
  const [second = 0, third = 0] = createHash('sha256').update(name).digest();
  return `10.${160 + (second % 64)}.${third}.${16 * index}/28`;
};

const compose = (name: string, image: string, greeting: string) => `
x-service: &service
  image: ${image}
  entrypoint: [bash, -c]
  command: [${JSON.stringify(COMMAND)}]
  user: "0:0"
  init: true
  read_only: true
  cap_drop: [ALL]
  tmpfs: ["/tmp:mode=1777"]
  environment: { GREETING: ${greeting} }
  mem_limit: 64m
  stop_grace_period: 20s
  restart: unless-stopped
  volumes: [shared:/shared]
  networks: [front, back]
  healthcheck: { test: [CMD, "true"], interval: 1s, start_period: 10s }
services:
  # Runs again at every \`up\`, as \`migrate\` does.
  before: { <<: *service, command: ["true"], restart: "no", healthcheck: { disable: true } }
  app: { <<: *service, depends_on: { before: { condition: service_completed_successfully } } }
  worker: { <<: *service }
networks:
  front: { ipam: { config: [{ subnet: ${subnet(name, 0)} }] } }
  back: { internal: true, ipam: { config: [{ subnet: ${subnet(name, 1)} }] } }
volumes:
  shared:
`;

export interface Container {
  readonly id: string;
  readonly name: string;
  readonly service: string;
  readonly state: string;
}

export interface TinyProject {
  readonly name: string;
  up(
    scale: { app: number; worker?: number },
    options?: { greeting?: string; arguments?: string[] },
  ): Promise<void>;
  containers(service: string): Promise<readonly Container[]>;
  /** What the containers wrote, one line each. */
  log(): Promise<string[]>;
}

/** Removed at the test's end, with whatever else has got its label. */
export async function startTinyProject(image = IMAGE): Promise<TinyProject> {
  const name = `sv-tiny-${randomBytes(4).toString('hex')}`;
  const file = (greeting: string) => compose(name, image, greeting);
  const up: TinyProject['up'] = async ({ app, worker = 1 }, options = {}) => {
    await docker(
      [
        'compose',
        '-p',
        name,
        '-f',
        '-',
        'up',
        '-d',
        '--wait',
        '--scale',
        `app=${app}`,
        '--scale',
        `worker=${worker}`,
      ].concat(options.arguments ?? []),
      file(options.greeting ?? 'hello'),
    );
  };
  onTestFinished(async () => {
    await docker(
      ['compose', '-p', name, '-f', '-', 'down', '-v', '--remove-orphans', '-t', '0'],
      file('hello'),
    );
  });
  const containers: TinyProject['containers'] = async (service) => {
    const format = '{{.ID}}|{{.Names}}|{{.Label "com.docker.compose.service"}}|{{.State}}';
    const filter = ['project', 'service'].flatMap((label, index) => [
      '--filter',
      `label=com.docker.compose.${label}=${[name, service][index]}`,
    ]);
    const { stdout } = await docker(['ps', '--all', '--no-trunc', ...filter, '--format', format]);
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [id = '', containerName = '', of = '', state = ''] = line.split('|');
        return { id, name: containerName, service: of, state };
      })
      .toSorted((a, b) => a.name.localeCompare(b.name));
  };
  return {
    name,
    up,
    containers,
    async log() {
      const [worker] = await containers('worker');
      const { stdout } = await docker(['exec', worker?.id ?? '', 'cat', '/shared/log']);
      return stdout.split('\n').filter((line) => line !== '');
    },
  };
}

export async function docker(
  args: readonly string[],
  input = '',
): Promise<{ stdout: string; stderr: string }> {
  const running = promisify(execFile)('docker', [...args], { timeout: LIMIT_MS });
  // One that ends at once has not read it; why it ended is in its own error.
  running.child.stdin?.on('error', () => undefined);
  running.child.stdin?.end(input);
  return await running;
}
