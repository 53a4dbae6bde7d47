/**
 * Runs in the tests' image, in the network and among the processes of a container of the stack (inside.ts): where it listens,
 * and what the kernel says of each process. Prints a {@link Report} as JSON. Others import its types only.
 */
import { readdirSync, readFileSync } from 'node:fs';

export interface SeenProcess {
  readonly name: string;
  /** Real, effective, saved, and of files. */
  readonly userIds: readonly number[];
  /** Of the five sets those that are not empty, as in "CapBnd 00000000a80425fb". */
  readonly capabilities: readonly string[];
  readonly mayGainPrivileges: boolean;
  /** The kernel's number: 2 is a filter. */
  readonly seccomp: number;
  readonly environment: string;
  readonly commandLine: string;
}

export interface Report {
  /** As in "9464" and "5514/udp", but for what is bound to loopback. */
  readonly listens: readonly string[];
  /** Whether what is on none of its networks is sent anywhere at all. */
  readonly hasDefaultRoute: boolean;
  readonly processes: readonly SeenProcess[];
}

/** Above it are those of clients, which the kernel chose. */
const LAST_CHOSEN_PORT = 32_767;
/** The kernel's words for a socket that listens. */
const TCP_LISTEN = '0A';
const UDP_UNCONNECTED = '07';

const linesOf = (path: string) => readFileSync(path, 'utf8').trim().split('\n');

/** 127.0.0.0/8, ::1, and the first in the form of the second: as /proc/net has them, each group of four bytes turned round. */
const isLoopback = (address: string) =>
  address === '00000000000000000000000001000000' || /^(?:0{16}FFFF0000)?[0-9A-F]{6}7F$/.test(address);

function socketsOf(protocol: 'tcp' | 'udp'): string[] {
  const isListening = protocol === 'tcp' ? TCP_LISTEN : UDP_UNCONNECTED;
  return [protocol, `${protocol}6`].flatMap((table) =>
    linesOf(`/proc/net/${table}`)
      .slice(1)
      .flatMap((line) => {
        const [, local = '', , state] = line.trim().split(/\s+/);
        const [address = '', port = ''] = local.split(':');
        const number = Number.parseInt(port, 16);
        if (state !== isListening || isLoopback(address)) return [];
        if (protocol === 'tcp') return [String(number)];
        return number <= LAST_CHOSEN_PORT ? [`${number}/udp`] : [];
      }),
  );
}

function processOf(id: string): SeenProcess {
  const status = new Map(
    linesOf(`/proc/${id}/status`).map((line) => {
      const at = line.indexOf(':');
      return [line.slice(0, at), line.slice(at + 1).trim()] as const;
    }),
  );
  const of = (name: string) => status.get(name) ?? '';
  return {
    name: of('Name'),
    userIds: of('Uid').split(/\s+/).map(Number),
    capabilities: ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']
      .map((set) => `${set} ${of(set)}`)
      .filter((set) => !/ 0+$/.test(set)),
    mayGainPrivileges: of('NoNewPrivs') !== '1',
    seccomp: Number(of('Seccomp')),
    environment: readFileSync(`/proc/${id}/environ`, 'utf8'),
    commandLine: readFileSync(`/proc/${id}/cmdline`, 'utf8'),
  };
}

/** One that ends while it is looked at is none. */
function unlessGone(id: string): SeenProcess[] {
  try {
    return [processOf(id)];
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ESRCH') return [];
    throw error;
  }
}

const report: Report = {
  listens: [...new Set([...socketsOf('tcp'), ...socketsOf('udp')])],
  hasDefaultRoute: linesOf('/proc/net/route').some((line) => line.split('\t')[1] === '00000000'),
  processes: readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .flatMap(unlessGone),
};
process.stdout.write(JSON.stringify(report));
