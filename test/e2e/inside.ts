/** What the engine says of the stack's containers, and what is seen from inside of their namespaces. */
import { readFileSync } from 'node:fs';
import { type Kind, kindOf } from '../harness/ways.ts';
import type { Report } from './probe-processes.ts';
import type { Target } from './probe-ways.ts';
import { project, shellOrThrow } from './stack.ts';

/** Of `docker inspect`, what is asked about. */
export interface Container {
  readonly Id: string;
  readonly Name: string;
  readonly Image: string;
  readonly Config: {
    readonly User: string;
    readonly Image: string;
    readonly Labels: Readonly<Record<string, string>>;
  };
  readonly HostConfig: {
    readonly Privileged: boolean;
    readonly CapAdd: readonly string[] | null;
    readonly CapDrop: readonly string[] | null;
    readonly SecurityOpt: readonly string[] | null;
    readonly ReadonlyRootfs: boolean;
    readonly Memory: number;
    readonly NanoCpus: number;
    readonly PidsLimit: number | null;
    readonly PidMode: string;
    readonly IpcMode: string;
    readonly NetworkMode: string;
    readonly UTSMode: string;
    readonly UsernsMode: string;
    readonly Devices: readonly unknown[] | null;
  };
  readonly Mounts: readonly { readonly Source: string; readonly Destination: string }[];
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>>;
  };
}

export const serviceOf = ({ Config }: Container): string => Config.Labels['com.docker.compose.service'] ?? '';
export const kindOfContainer = (container: Container): Kind => kindOf(serviceOf(container));

/** The stack's containers, by the order of their names; `text` is all that the engine tells of them. */
export async function inspectStack(
  options: { isAll?: boolean } = {},
): Promise<{ containers: Container[]; text: string }> {
  const { stdout: text } = await shellOrThrow(
    `docker ps ${options.isAll ? '--all' : ''} --quiet --no-trunc --filter label=com.docker.compose.project=${project}` +
      ' --filter label=com.docker.compose.oneoff=False | xargs docker inspect',
  );
  const containers = JSON.parse(text) as Container[];
  return { containers: containers.toSorted((one, other) => one.Name.localeCompare(other.Name)), text };
}

/** Each is a container more, with a Node process: so many at a time. */
const AT_A_TIME = 4;

export async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let index = 0; index < items.length; index += AT_A_TIME) {
    results.push(...(await Promise.all(items.slice(index, index + AT_A_TIME).map(work))));
  }
  return results;
}

/** Runs a file of this folder in the tests' image, `where` is told; what it prints as JSON is the result. */
async function runInside<T>(where: string, file: string, constants = ''): Promise<T> {
  const source = readFileSync(new URL(file, import.meta.url), 'utf8');
  const { stdout } = await shellOrThrow(
    `docker run --rm --interactive ${where} sv-sdk/test:\${SV_VERSION:-dev} node --input-type=module-typescript - <<'END_OF_SOURCE'\n` +
      `${constants}\n${source}\nEND_OF_SOURCE`,
    { timeoutSeconds: 120 },
  );
  return JSON.parse(stdout) as T;
}

/** Where a container listens, and what the kernel says of its processes. Reading another user's environment takes a capability. */
export const lookInside = ({ Id }: Container): Promise<Report> =>
  runInside(`--network container:${Id} --pid container:${Id} --cap-add SYS_PTRACE`, 'probe-processes.ts');

/** Those of `targets` that a container can connect to. */
export async function connectFrom<T extends Target>({ Id }: Container, targets: readonly T[]): Promise<T[]> {
  const addresses = targets.map(({ address, port }) => ({ address, port }));
  const reached = await runInside<number[]>(
    `--network container:${Id}`,
    'probe-ways.ts',
    `const targets = ${JSON.stringify(addresses)};`,
  );
  return reached.flatMap((index) => targets[index] ?? []);
}
