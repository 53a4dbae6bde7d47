/** For edge-cost.ts, inside an app's container: asks each of the targets in turn over one connection of its own. */
import { Agent, get } from 'node:http';

declare const targets: Record<string, string>;
declare const requests: number;

async function askMs(url: string, agent: Agent): Promise<number> {
  const startedAtMs = performance.now();
  await new Promise<void>((resolve, reject) => {
    get(url, { agent }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${url}: ${response.statusCode}`));
      response.resume().on('end', resolve);
    }).on('error', reject);
  });
  return performance.now() - startedAtMs;
}

const median = (values: number[]) =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
const warmUp = requests / 10;
const times = new Map(
  Object.keys(targets).map((name) => [name, { agent: new Agent({ keepAlive: true }), ms: [] as number[] }]),
);
for (let round = 0; round < warmUp + requests; round += 1) {
  for (const [name, { agent, ms }] of times) {
    const took = await askMs(targets[name] ?? '', agent);
    if (round >= warmUp) ms.push(took);
  }
}
for (const { agent } of times.values()) agent.destroy();
process.stdout.write(
  JSON.stringify(Object.fromEntries([...times].map(([name, { ms }]) => [name, median(ms)]))),
);
