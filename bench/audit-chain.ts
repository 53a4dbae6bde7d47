/**
 * What sealing costs those who write audit rows, and how fast the chain is verified: writers through the platform's
 * own code on a Postgres of its own, with the sealer at rest and at work in turn.
 *
 *   node bench/audit-chain.ts --rounds 4 --seconds 5
 */
import { randomBytes } from 'node:crypto';
import { cpus } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Network } from 'testcontainers';
import { deriveChainKeys, recordAudit, sealBatch, verifyAudit } from '../packages/audit/src/index.ts';
import { createDatabase, migrate } from '../packages/db/src/index.ts';
import { makeSecrets, removeContainers, startPrimary } from '../packages/db/src/testing/containers.ts';
import { databaseUrl } from '../packages/db/src/testing/urls.ts';
import { createLogger, createRegistry } from '../packages/telemetry/src/index.ts';

const { values: flags } = parseArgs({
  options: { rounds: { type: 'string', default: '4' }, seconds: { type: 'string', default: '5' } },
});
const rounds = Number(flags.rounds);
const roundMs = Number(flags.seconds) * 1000;
const WRITERS = 4;

process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';
await using stack = new AsyncDisposableStack();
const secrets = makeSecrets();
const network = await new Network().start();
stack.defer(async () => {
  await removeContainers(network.getName());
  await network.stop();
});
const postgres = await startPrimary({ network: network.getName(), secrets, storage: 'disk' });
const logger = createLogger({ service: 'bench', version: 'bench', level: 'error' });
await migrate(databaseUrl(postgres, 'sv_owner', secrets.db_owner_password, 'sv'), { logger });
const db = createDatabase({
  primaryUrl: databaseUrl(postgres, 'sv_app', secrets.db_app_password, 'sv'),
  poolMin: 0,
  poolMax: WRITERS + 1,
  logger,
  registry: createRegistry({ service: 'bench', version: 'bench' }),
});
stack.defer(() => db.close());
const keys = deriveChainKeys([randomBytes(32).toString('hex')]);
const seal = () => sealBatch({ db, keys, sealAfterSeconds: 0 });

await write(roundMs); // warm-up
await sealAll();
const rates = { 'at rest': [] as number[], 'at work': [] as number[] };
for (let round = 0; round < rounds; round += 1) {
  rates['at rest'].push(await write(roundMs));
  await sealAll();
  rates['at work'].push(await writeWhileSealing());
  await sealAll();
}

const started = performance.now();
const verification = await verifyAudit({
  db,
  keys,
  onFinding: (finding) => {
    throw new Error(`an untouched log: ${JSON.stringify(finding)}`);
  },
});
const verifySeconds = (performance.now() - started) / 1000;

const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const [rest, work] = [median(rates['at rest']), median(rates['at work'])];
print(
  `${cpus().length} cores (${cpus()[0]?.model}), Node ${process.version}, ${rounds} rounds of ${flags.seconds} s`,
);
for (const [name, values] of Object.entries(rates)) {
  print(
    `inserts with the sealer ${name}: ${median(values).toFixed(0)}/s (${values.map((v) => v.toFixed(0)).join(', ')})`,
  );
}
print(`ratio: ${(work / rest).toFixed(2)}`);
print(
  `verified: ${verification.rows} rows in ${verifySeconds.toFixed(1)} s, ${(verification.rows / verifySeconds).toFixed(0)}/s`,
);

/** Rows a second by {@link WRITERS} writers, each row a transaction of its own. */
async function write(durationMs: number): Promise<number> {
  const start = performance.now();
  let rows = 0;
  const writer = async () => {
    while (performance.now() - start < durationMs) {
      await db.withTx((tx) =>
        recordAudit(tx, {
          eventType: 'user.updated',
          userId: '01a20b33-7dff-7973-b263-334a418a697a',
          ipAddress: '192.0.2.1',
          metadata: {
            targetUserId: '01a20b33-7e0b-765c-acd5-1c8606d5f059',
            changes: { name: 'Ada Lovelace' },
          },
        }),
      );
      rows += 1;
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
  return rows / ((performance.now() - start) / 1000);
}

async function writeWhileSealing(): Promise<number> {
  let isWriting = true;
  const sealing = (async () => {
    while (isWriting) if (!(await seal()).isFull) await nextTurn();
  })();
  const rate = await write(roundMs);
  isWriting = false;
  await sealing;
  return rate;
}

async function sealAll(): Promise<void> {
  for (;;) if ((await seal()).rows === 0) return;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
