/**
 * A stack whose next release has another major version of Postgres: 19, built beside 18 from Debian's experimental suite
 * where the bases are Debian's, from PostgreSQL's own packages where they are the official images.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from './client.ts';
import { type Copy, copyCheckout, NEXT_RELEASE, removeImages } from './next-release.ts';
import { sendEmail, signInTo, startReads, writeSettings } from './own-stack.ts';
import { defineStack } from './stack.ts';

const HOME = 'e2e-postgres-major';
const stack = defineStack({
  project: 'sv-e2e-postgres-major',
  home: HOME,
  ports: { http: 13300, prometheus: 19390, alertmanager: 19393, grafana: 13301, maildev: 11380 },
});
const NEXT = 'postgres-major-next';
const BASE = 'sv-sdk/test-base-postgres:19';
let copy: Copy;
let firstVersion: string;

beforeAll(async () => {
  await removeAll();
  copy = await copyCheckout(stack, HOME);
  writeSettings(stack, { BALANCER_PREFIX: '10.251.104', APP_INSTANCES: '2', WORKER_INSTANCES: '1' });
  await copy.shellOrThrow('make up');
  firstVersion = await copy.version();
  await buildBase();
});

async function removeAll(): Promise<void> {
  await stack.remove();
  await removeImages(stack, `${NEXT}*`, `before-${NEXT}*`, `upgrade-${NEXT}*`);
  await stack.shell(`docker image rm --force ${BASE}`);
}
afterAll(removeAll);

/** The programs of 19, and none of 18: those come from the image of the server that runs. */
async function buildBase(): Promise<void> {
  const choices = copy.read('.build/images.env');
  const choice = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(choices)?.[1] ?? '';
  copy.write(
    '.build/experimental.list',
    copy.read('.build/apt-sources.list').replace(/ forky /, ' experimental '),
  );
  copy.write(
    '.build/base-19.Dockerfile',
    `FROM ${choice('BASE_POSTGRES')}
USER root
RUN --mount=type=secret,id=apt_sources,target=/run/sources --mount=type=secret,id=experimental,target=/run/experimental \\
    --mount=type=secret,id=host_ca,target=/run/host-ca.pem \\
    cp /run/sources /etc/apt/sources.list.d/of-the-host.list && cp /run/experimental /etc/apt/sources.list.d/experimental.list \\
 && find /etc/apt/sources.list.d -name 'pgdg*' -exec sed -i 's/ 18$/ 19/' {} + \\
 && apt-get ${choice('APT_OPTIONS')} update -qq && mkdir -p /etc/postgresql-common/createcluster.d \\
 && apt-get ${choice('APT_OPTIONS')} install -y -qq --no-install-recommends $(! grep -q . /run/experimental || echo -t experimental) postgresql-19 \\
 && rm -rf /usr/lib/postgresql/18 /usr/share/postgresql/18 /etc/apt/sources.list.d/of-the-host.list /etc/apt/sources.list.d/experimental.list
`,
  );
  await copy.shellOrThrow(
    `docker build --quiet --tag ${BASE} --file .build/base-19.Dockerfile --secret id=apt_sources,src=.build/apt-sources.list --secret id=experimental,src=.build/experimental.list --secret id=host_ca,src=.build/host-ca.pem infra/postgres`,
  );
}

function makeNextRelease(): void {
  copy.becomeNextRelease();
  const dockerfile = 'infra/postgres/Dockerfile';
  copy.write(dockerfile, copy.read(dockerfile).replace('ENV PG_MAJOR=18', 'ENV PG_MAJOR=19'));
  const bases = '.build/images.env';
  copy.write(bases, copy.read(bases).replace(/^BASE_POSTGRES=.*$/m, `BASE_POSTGRES=${BASE}`));
}

const sql = async (statement: string, service = 'postgres') => {
  const { stdout } = await copy.shellOrThrow(
    `docker compose exec -T ${service} sh -c 'PGPASSFILE=/tmp/pgpass psql --host=/tmp --username=postgres --dbname=sv -XAtq' <<'SQL'\n${statement}\nSQL`,
  );
  return stdout.trim();
};
const major = () => sql("select current_setting('server_version_num')::int / 10000");
const addRow = (id: string) =>
  sql(
    `insert into email.email_suppressions (id, email, reason) values ('${id}', '${id}@example.org', 'manual')`,
  );
const rows = (service = 'postgres') =>
  sql("select string_agg(id, ' ' order by id) from email.email_suppressions", service);
const untilStandbyHas = (expected: string) =>
  eventually(
    () => rows('postgres-replica').catch(String),
    (found) => found === expected,
    { seconds: 60, what: `the standby has ${expected}` },
  );

test('it tells what it would do, by pg_upgrade on the running server, and changes nothing', async () => {
  await addRow('before');
  await sql("alter system set log_min_duration_statement = '777ms'");
  const [settings, version] = [copy.settings(), await copy.version()];
  makeNextRelease();
  const { output } = await copy.shellOrThrow(`make upgrade DRY_RUN=1 VERSION=${NEXT}`);
  expect(output).toContain('pg_upgrade has nothing against the data');
  expect(output).toContain('Postgres 18 becomes 19');
  expect([copy.settings(), await copy.version(), await major()]).toEqual([settings, version, '18']);
});

test('data that pg_upgrade can not take is refused while everything serves', async () => {
  await sql('create table public.of_the_test (of_a_server regproc)');
  const { exitCode, output } = await copy.shell(`make upgrade VERSION=${NEXT}`);
  expect(exitCode).not.toBe(0);
  expect(output).toContain("pg_upgrade can't take the data as it is");
  expect(output).toContain('reg*');
  expect(output).not.toContain('From here on it changes things');
  await sql('drop table public.of_the_test');
});

test('a server that does not start on it leaves version, settings, server and data as they were', async () => {
  const [settings, version] = [copy.settings(), await copy.version()];
  const configuration = 'infra/postgres/postgresql.conf';
  const good = copy.read(configuration);
  copy.write(configuration, `${good}\nno_such_setting = 1\n`);
  const { exitCode, output } = await copy.shell(`make upgrade VERSION=${NEXT}-broken`);
  copy.write(configuration, good);
  expect(output).toContain('no_such_setting');
  expect(output).toContain('Not upgraded');
  expect(exitCode).not.toBe(0);
  const release = (text: string) => text.match(/^(SV_RELEASE|PLATFORM_VERSION)=.*$/gm);
  expect(release(copy.settings())).toEqual(release(settings));
  expect([await copy.version(), await major(), await rows()]).toEqual([version, '18', 'before']);
  await untilStandbyHas('before');
});

test('one that is killed while it copies the data is gone on with', async () => {
  // Once pg_upgrade is at work, everything of this run is killed but what runs in containers.
  const killed = await copy.shell(
    `{ setsid make upgrade VERSION=${NEXT} >.build/killed.log 2>&1 & pid=$!; }
     for _ in $(seq 1200); do
       kill -0 $pid 2>/dev/null || break
       if docker ps --format '{{.Names}}' | grep -q '^${stack.project}-postgres-run-'; then kill -KILL -- -$pid; exit 7; fi
       sleep 0.2
     done`,
  );
  expect(killed.exitCode).toBe(7);
  const reads = startReads(stack);
  const { output } = await copy.shellOrThrow(`make upgrade VERSION=${NEXT}`);
  const { failed, breakSeconds } = await reads.stop();
  expect(output).toContain('was interrupted');
  console.info(output.match(/Upgraded from .* in \d+ s/)?.[0], `the break: ${breakSeconds.toFixed(1)} s`);
  console.info(`not served: ${[...new Set(failed)].join(', ')}`);
  expect(failed).toContain('503');
});

test('afterwards the data is that of 19, on a standby as well, with its statistics and settings, and is backed up', async () => {
  expect([await major(), await copy.version(), await rows()]).toEqual(['19', NEXT, 'before']);
  await untilStandbyHas('before');
  expect(await sql("select current_setting('server_version_num')::int / 10000", 'postgres-replica')).toBe(
    '19',
  );
  expect(await sql('show log_min_duration_statement')).toBe('777ms');
  expect(Number(await sql("select count(*) from pg_stats where schemaname = 'auth'"))).toBeGreaterThan(0);
  const { stdout } = await copy.shellOrThrow('docker compose exec -T postgres pgbackrest info --output=json');
  const [stanza] = JSON.parse(stdout) as [
    { db: { version: string }[]; backup: { database: { id: number } }[] },
  ];
  expect(stanza.db.map(({ version }) => version)).toEqual(['18', '19']);
  expect(stanza.backup.at(-1)?.database.id).toBe(2);
  expect(copy.settings()).toContain(`\nSV_RELEASE=${NEXT_RELEASE}\n`);
  await sendEmail(await signInTo(stack), 'ada@example.org');
});

test('the server of before refuses what a later one has made', async () => {
  const { exitCode, output } = await copy.shell(
    `SV_VERSION=before-${NEXT} timeout 60 docker compose run --rm --no-deps -T postgres`,
  );
  expect(exitCode).not.toBe(0);
  expect(output).toContain('the data is of Postgres 19, and this is 18');
});

test('`make rollback` keeps the data and the server; with DATA=1 both are those of before', async () => {
  await addRow('since');
  expect((await copy.shellOrThrow('make rollback')).output).toContain('The data stays that of Postgres 19');
  expect([await major(), await rows()]).toEqual(['19', 'before since']);
  const { output } = await copy.shellOrThrow('make rollback DATA=1 YES=1');
  expect(output).toContain(`of release ${copy.release} again`);
  expect([await copy.version(), await major(), await rows()]).toEqual([firstVersion, '18', 'before']);
  await untilStandbyHas('before');
  expect(copy.settings()).toContain(`\nSV_RELEASE=${copy.release}\n`);
  await copy.shellOrThrow('make backup');
  await signInTo(stack);
});
