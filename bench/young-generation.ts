/**
 * What V8's young generation costs an app: CPU and memory of a request, by the size of its half-spaces, in turn on the same
 * stack (ADR 0056).
 *
 *   node bench/young-generation.ts --sizes 0,16 --rounds 3
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { containersOf, environment, repository, secret, shellOrThrow } from '../test/e2e/stack.ts';
import { cpuMsOf } from './cpu.ts';
import { runClosed } from './load/closed.ts';
import { hasUsers } from './load/run.ts';
import { addressOf, startOwnStack } from './own-stack.ts';

const { values: flags } = parseArgs({
  options: {
    /** MB; 0: what V8 makes of the memory that the container may have. */
    sizes: { type: 'string', default: '0,4,8,16' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '15' },
    users: { type: 'string', default: '10000' },
  },
});
const CONNECTIONS = 16;
const WARM_UP_SECONDS = 5;
const OVERRIDE = join(repository, '.build', 'young-generation.yml');
const ROUTES = { 'list users': '/api/v1/users', 'list users, page 2': '/api/v1/users?page=2' };

await using stack = new AsyncDisposableStack();
await startOwnStack(stack);
await shellOrThrow(`make sdk ARGS="db seed --users ${flags.users}"`);
environment['COMPOSE_FILE'] = `docker-compose.yml:${OVERRIDE}`;
for (let round = 0; round < Number(flags.rounds); round += 1) {
  for (const size of flags.sizes.split(',').map(Number)) {
    const options = size === 0 ? '' : `--max-semi-space-size=${size}, `;
    writeFileSync(OVERRIDE, `services:\n  app:\n    command: [node, ${options}dist/api.js]\n`);
    await shellOrThrow('docker compose up -d --no-deps --wait --scale app=1 app');
    const [app = ''] = await containersOf('app');
    const address = await addressOf(app);
    for (const [name, path] of Object.entries(ROUTES)) {
      const ask = {
        url: `http://${address}:3000${path}`,
        headers: { 'x-api-key': secret('load_api_key') },
        isExpected: hasUsers(20),
      };
      await runClosed(ask, { connections: CONNECTIONS, seconds: WARM_UP_SECONDS });
      const before = await cpuMsOf(app);
      const seconds = Number(flags.seconds);
      const { perSecond, fault, latency } = await runClosed(ask, { connections: CONNECTIONS, seconds });
      if (fault !== undefined) throw new Error(`${name} with ${size} MB: ${fault}`);
      const cpuMs = ((await cpuMsOf(app)) - before) / (perSecond * seconds);
      const metrics = await (await fetch(`http://${address}:9464/metrics`)).text();
      const memoryMb = Number(/^process_resident_memory_bytes\S* (\S+)$/m.exec(metrics)?.[1]) / 1e6;
      process.stdout.write(
        `${String(size).padStart(2)} MB, ${name.padEnd(18)}: ${perSecond.toFixed(0).padStart(5)}/s, ${cpuMs.toFixed(3)} ms CPU, ` +
          `p99 ${latency.p99Ms.toFixed(1)} ms, ${memoryMb.toFixed(0)} MB\n`,
      );
    }
  }
}
