/** What the servers themselves can do here, by their own tools in their own images: pgbench -S and redis-benchmark. */
import { containersOf, shellOrThrow } from '../../test/e2e/stack.ts';
import { parsePgbench, parseRedisBenchmark } from './native-output.ts';

const DATABASE = 'bench_ceiling';
const CLIENTS = 16;
const REDIS_REQUESTS_PER_SECOND_GUESSED = 50_000;

/** Selects by primary key out of a million rows, a second; straight to Postgres, each connection with its own plan. */
export async function createPgbench(): Promise<{
  run(seconds: number): Promise<number>;
  remove(): Promise<void>;
}> {
  const [postgres = ''] = await containersOf('postgres');
  const inPostgres = async (command: string, timeoutSeconds: number) =>
    (
      await shellOrThrow(
        `docker exec -i ${postgres} sh <<'SH'
export PGHOST=127.0.0.1 PGUSER=postgres PGPASSWORD=$(cat /run/secrets/postgres_password) PATH=$PATH:$(echo /usr/lib/postgresql/*/bin)
${command}
SH`,
        { timeoutSeconds },
      )
    ).stdout;
  const drop = `psql -qX -d postgres -c 'drop database if exists ${DATABASE}'`;
  await inPostgres(`${drop} && createdb ${DATABASE} && pgbench -iq -s 10 ${DATABASE}`, 300);
  return {
    run: async (seconds) =>
      parsePgbench(
        await inPostgres(
          `pgbench -S -M prepared -n -c ${CLIENTS} -j 2 -T ${seconds} ${DATABASE}`,
          seconds + 60,
        ),
      ),
    remove: async () => void (await inPostgres(drop, 60)),
  };
}

/** GETs a second, and p95 in ms. */
export async function redisBenchmark(seconds: number): Promise<{ perSecond: number; p95Ms: number }> {
  const [redis = ''] = await containersOf('redis');
  const { stdout } = await shellOrThrow(
    `docker exec -i ${redis} sh <<'SH'
redis-benchmark -a "$(cat "$PASSWORD_FILE")" -t get -c ${CLIENTS} -n ${seconds * REDIS_REQUESTS_PER_SECOND_GUESSED} --csv
SH`,
    { timeoutSeconds: seconds * 20 + 60 },
  );
  return parseRedisBenchmark(stdout);
}
