/**
 * What TLS 1.3 and HTTP/2 cost: an authenticated list of users, and the unflattering request for next to nothing, by nginx'
 * port for the world and by its plain one, in turn, on a stack of its own (the end-to-end tests'). nginx runs as
 * docker-compose.prod.yml has it, with the certificate that it signs itself until acme has one.
 *
 *   node bench/tls-cost.ts --rounds 5 --seconds 10
 *   infra/host/test.sh node bench/tls-cost.ts     # where the host has no Node
 */
import { once } from 'node:events';
import { availableParallelism, cpus } from 'node:os';
import { connect, type TLSSocket } from 'node:tls';
import { parseArgs } from 'node:util';
import { max, median, min } from 'simple-statistics';
import { containersOf, project, secret, shellOrThrow } from '../test/e2e/stack.ts';
import { LIST_PATH } from './baselines/servers.ts';
import { cpuMsOf } from './cpu.ts';
import { print, tellFigure } from './figures.ts';
import { keptHttp1, keptHttp2, type LanesRun, type OpenLane, runLanes } from './load/kept.ts';
import { TIMEOUT_MS } from './load/open.ts';
import { type Ask, hasUsers } from './load/run.ts';
import { addressOf, startOwnStack } from './own-stack.ts';
import { contest } from './platform/contest.ts';
import { isHello, PAGE_SIZE, untilAnswered } from './platform/platform.ts';
import { AS_THE_WORLD, LIST_AT_KEEP_ALIVE, PLAIN } from './report/goals.ts';
import { lossPercent } from './report/statistics.ts';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '10' },
    users: { type: 'string', default: '10000' },
  },
});
const rounds = Number(flags.rounds);
const seconds = Number(flags.seconds);

/** Of issue 9, of the list. */
const GOAL_PERCENT = 10;
const DOMAIN = 'bench.sv.internal';
const TLS = { servername: DOMAIN, rejectUnauthorized: false, minVersion: 'TLSv1.3' } as const;
const CONNECTIONS = 32;
/** Each handshake leaves its port unusable for a minute. */
const MOST_HANDSHAKE_SECONDS = 3;
const HANDSHAKES_AT_ONCE = 8;
/** From here on the client, which is one thread, may be what is measured. */
const BUSY_CLIENT_PERCENT = 90;

await using stack = new AsyncDisposableStack();
await startOwnStack(stack);
await shellOrThrow(`make sdk ARGS="db seed --users ${flags.users}"`);
stack.defer(async () => void (await shellOrThrow('docker compose up -d --no-deps --wait nginx')));
await shellOrThrow(
  `DOMAIN=${DOMAIN} PUBLIC_BIND=127.0.0.1 PUBLIC_HTTP_PORT=13580 PUBLIC_HTTPS_PORT=13543` +
    ' docker compose -f docker-compose.yml -f docker-compose.prod.yml up -d --no-deps --wait nginx',
);
const [nginx = ''] = await containersOf('nginx');
const host = await addressOf(nginx);
const { stdout } = await shellOrThrow(
  `docker ps --quiet --no-trunc --filter label=com.docker.compose.project=${project}`,
);
const containers = stdout.split('\n').filter((line) => line !== '');

const list: Omit<Ask, 'url'> = {
  headers: { 'x-api-key': secret('load_api_key') },
  isExpected: hasUsers(PAGE_SIZE),
};
// nginx knows no app until ready-dns has told it.
await untilAnswered({ ...list, url: `http://${host}:8080${LIST_PATH}` });
const socket = await shakeHands();
print(
  `${availableParallelism()} cores (${cpus()[0]?.model}), Node ${process.version}, ${(await containersOf('app')).length} apps, ` +
    `${CONNECTIONS} connections with a request at a time each; ${socket.getProtocol()}, ${socket.getCipher().name}`,
);
socket.destroy();

await compare(LIST_AT_KEEP_ALIVE, LIST_PATH, list, GOAL_PERCENT);
await compare('next to nothing through nginx at keep-alive', '/health/live', { isExpected: isHello });
await measureHandshakes();

interface Round extends LanesRun {
  /** CPU milliseconds per 1,000 of what was asked. */
  readonly cpu: { readonly nginx: number; readonly stack: number; readonly client: number };
}

async function compare(
  measure: string,
  path: string,
  ask: Omit<Ask, 'url'>,
  goalPercent?: number,
): Promise<void> {
  const plain = { ...ask, url: `http://${host}:8080${path}` };
  const secure = { ...ask, url: `https://${host}:8443${path}` };
  const lanes: Record<string, OpenLane> = {
    [PLAIN]: keptHttp1(plain),
    'HTTP/1.1 over TLS': keptHttp1(secure, TLS),
    [AS_THE_WORLD]: keptHttp2(secure, TLS),
  };
  const contenders = Object.entries(lanes).map(([name, open]) => ({
    name,
    run: (length: number) => runRound(open, CONNECTIONS, length),
  }));
  const counted = await contest(measure, contenders, { rounds, seconds });
  print(`\n${measure}; CPU ms per 1,000 requests`);
  for (const [name, of] of counted) show(measure, name, of);
  const ofPlain = counted.get(PLAIN) ?? [];
  for (const [name, of] of counted) {
    if (name === PLAIN) continue;
    const cost = lossPercent(middle(of, perSecond), middle(ofPlain, perSecond)) ?? Number.NaN;
    const withoutClient =
      lossPercent(
        middle(ofPlain, ({ cpu }) => cpu.stack),
        middle(of, ({ cpu }) => cpu.stack),
      ) ?? Number.NaN;
    const isGoal = name === AS_THE_WORLD && goalPercent !== undefined;
    print(
      `  ${name} costs ${cost.toFixed(1)} % of the throughput` +
        (isGoal ? `; goal ≤ ${goalPercent} %: ${cost <= goalPercent ? 'reached' : 'NOT reached'}` : '') +
        `; ${withoutClient.toFixed(1)} % by the CPU of the stack alone, as if the client ran elsewhere`,
    );
  }
  print();
}

async function measureHandshakes(): Promise<void> {
  const measure = 'full TLS 1.3 handshakes';
  const open: OpenLane = async () => ({
    ask: async () => void (await shakeHands()).destroy(),
    close: () => {},
  });
  const contender = {
    name: 'nginx',
    run: (length: number) => runRound(open, HANDSHAKES_AT_ONCE, length),
  };
  const counted = await contest(measure, [contender], {
    rounds,
    seconds: Math.min(seconds, MOST_HANDSHAKE_SECONDS),
  });
  print(`\n${measure}; CPU ms per 1,000`);
  for (const [name, of] of counted) {
    show(measure, name, of);
    print(`  a core of nginx makes ${(1e6 / middle(of, ({ cpu }) => cpu.nginx)).toFixed(0)} a second`);
  }
}

/** Until nginx has said the first word of HTTP/2, and so has seen the handshake's end. No session is offered to resume. */
async function shakeHands(): Promise<TLSSocket> {
  const opened = connect({ ...TLS, host, port: 8443, ALPNProtocols: ['h2'] });
  try {
    await once(opened, 'data', { signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    opened.destroy();
    throw error;
  }
  return opened;
}

async function runRound(open: OpenLane, lanes: number, length: number): Promise<Round> {
  const before = await cpuMs();
  const run = await runLanes(open, { lanes, seconds: length });
  const after = await cpuMs();
  const perThousand = (ms: number) => (ms / run.served) * 1000;
  return {
    ...run,
    cpu: {
      nginx: perThousand(after.nginx - before.nginx),
      stack: perThousand(after.stack - before.stack),
      client: perThousand(run.clientCpuMs),
    },
  };
}

async function cpuMs(): Promise<{ nginx: number; stack: number }> {
  const used = await Promise.all(containers.map(async (id) => [id, await cpuMsOf(id)] as const));
  return {
    nginx: used.find(([id]) => id.startsWith(nginx))?.[1] ?? Number.NaN,
    stack: used.reduce((sum, [, ms]) => sum + ms, 0),
  };
}

/** The medians and, of what is counted, the range; the CPU as figures of the report as well. */
function show(measure: string, name: string, of: readonly Round[]): void {
  for (const { cpu } of of) {
    for (const [where, ms] of Object.entries(cpu)) {
      tellFigure(`${measure}, CPU per 1,000`, `${name}: ${where}`, 'ms', ms);
    }
  }
  const all = of.map(perSecond);
  const cpuText = (['nginx', 'stack', 'client'] as const)
    .map((where) => `${where} ${middle(of, ({ cpu }) => cpu[where]).toFixed(0)}`)
    .join(', ');
  // Of a core: CPU milliseconds per 1,000, so many of them a second.
  const busyPercent = middle(of, (round) => (round.cpu.client * round.perSecond) / 1e4);
  print(
    `  ${name.padEnd(18)} ${median(all).toFixed(0)}/s (${min(all).toFixed(0)} to ${max(all).toFixed(0)}); ${cpuText}; ` +
      `client ${busyPercent.toFixed(0)} % of a core${busyPercent >= BUSY_CLIENT_PERCENT ? ', SO THAT IT IS THE LIMIT' : ''}`,
  );
}

function perSecond(round: Round): number {
  return round.perSecond;
}

function middle(of: readonly Round[], value: (round: Round) => number): number {
  return median(of.map(value));
}
