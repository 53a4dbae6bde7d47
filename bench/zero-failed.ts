/**
 * Whether scaling, deploys, rollbacks and killed instances fail a request, and how long each takes: an open load of GETs
 * and of POSTs with a key on a stack of its own (the end-to-end tests'), step after step until so many were sent.
 *
 *   node bench/zero-failed.ts --requests 200000 --rate 150
 */
import { cpus } from 'node:os';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { eventually } from '../test/e2e/client.ts';
import { startAgain } from '../test/e2e/containers.ts';
import { countsOf, startOpenLoad, untilServed } from '../test/e2e/load.ts';
import { containersOf, project, removeStack, shell, shellOrThrow, startStack } from '../test/e2e/stack.ts';

const { values: flags } = parseArgs({
  options: {
    requests: { type: 'string', default: '200000' },
    rate: { type: 'string', default: '150' },
  },
});
const wanted = Number(flags.requests);
const ratePerSecond = Number(flags.rate);
/** Of every step: the load goes on for so many requests afterwards, before the next. */
const BETWEEN = 5 * ratePerSecond;
const SERVED_LIMIT_SECONDS = 120;
const NEXT = 'bench-next';

const scaleTo = (apps: number) => ({
  name: `scale to ${apps}`,
  run: async () => {
    await shellOrThrow(`docker compose up -d --scale app=${apps}`);
    const healthy = `docker ps --quiet --filter label=com.docker.compose.project=${project} --filter label=com.docker.compose.service=app --filter health=healthy`;
    const count = async () => (await shellOrThrow(healthy)).stdout.split('\n').filter(Boolean).length;
    await eventually(count, (found) => found === apps, { seconds: 120, what: `${apps} healthy apps` });
  },
});
const killed = (service: string) => ({
  name: `docker kill of ${service}`,
  run: async () => {
    const [container = ''] = await containersOf(service);
    await shellOrThrow(`docker kill ${container}`);
    await startAgain(container);
  },
});
const verb = (command: string, instances: number) => ({
  name: `${command} of ${instances} apps`,
  run: async () => void (await shellOrThrow(command, { timeoutSeconds: 600 })),
});

const STEPS = [
  scaleTo(5),
  verb(`make deploy VERSION=${NEXT}`, 5),
  killed('app'),
  verb('make rollback', 5),
  scaleTo(3),
  killed('ready-dns'),
  scaleTo(5),
  scaleTo(2),
];

await using stack = new AsyncDisposableStack();
await removeStack();
stack.defer(removeStack);
stack.defer(async () => void (await shell(`docker image rm sv-sdk/platform:${NEXT} sv-sdk/sdk:${NEXT}`)));
await startStack();
print(`${cpus().length} cores (${cpus()[0]?.model}), ${ratePerSecond} requests a second, half of them POSTs`);
const load = await startOpenLoad(ratePerSecond);
stack.defer(async () => void (await load.stop()));
await untilServed(load, BETWEEN, SERVED_LIMIT_SECONDS);
const took = new Map<string, number[]>();
for (let step = 0; load.outcomes.length < wanted; step += 1) {
  const { name, run } = STEPS[step % STEPS.length] as (typeof STEPS)[number];
  const from = load.outcomes.length;
  const startedAtMs = performance.now();
  await run();
  const seconds = (performance.now() - startedAtMs) / 1000;
  took.set(name, [...(took.get(name) ?? []), seconds]);
  await untilServed(load, BETWEEN, SERVED_LIMIT_SECONDS);
  const met = load.outcomes.slice(from);
  const failed = met.filter(({ isGood }) => !isGood);
  const slowestMs = Math.max(...met.map((one) => one.endedAtMs - one.startedAtMs));
  print(
    `  ${name}: ${seconds.toFixed(1)} s; ${met.length} requests, ${failed.length} failed (${countsOf(failed)}), the slowest ${(slowestMs / 1000).toFixed(2)} s; ${load.outcomes.length} so far`,
  );
}
await load.stop();
print(load.summary());
for (const [name, seconds] of took) {
  const sorted = seconds.toSorted((one, other) => one - other);
  print(
    `${name}: ${sorted[0]?.toFixed(1)} to ${sorted.at(-1)?.toFixed(1)} s in ${sorted.length}, median ${sorted[Math.floor(sorted.length / 2)]?.toFixed(1)} s`,
  );
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
