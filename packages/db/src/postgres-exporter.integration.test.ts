import { readFileSync } from 'node:fs';
import { GenericContainer } from 'testcontainers';
import { expect, inject, onTestFinished, test } from 'vitest';

const DOCKERFILE = new URL('../../../infra/exporters/Dockerfile', import.meta.url);

/** The flags as the image has them, also where it was built before. */
function flagsOf(stage: string): string[] {
  const text = readFileSync(DOCKERFILE, 'utf8').replaceAll('\\\n', ' ');
  const [, flags] = new RegExp(` AS ${stage}\n[^]*?\nCMD (\\[.*\\])`).exec(text) ?? [];
  if (flags === undefined) throw new Error(`${stage} has no CMD`);
  return JSON.parse(flags) as string[];
}

test('the exporter of Postgres tells the time of statements by their number, and no text', async () => {
  const { secrets, postgres } = inject('databaseServers');
  const exporter = await new GenericContainer(
    `sv-sdk/postgres-exporter:${process.env['SV_VERSION'] || 'dev'}`,
  )
    .withCommand(flagsOf('postgres-exporter'))
    .withExtraHosts([{ host: 'host.docker.internal', ipAddress: 'host-gateway' }])
    .withEnvironment({ SERVER_URL: `postgres://host.docker.internal:${postgres.port}/sv` })
    .withCopyContentToContainer([
      { content: secrets.db_monitor_password, target: '/run/secrets/db_monitor_password', mode: 0o444 },
    ])
    .withExposedPorts(9187)
    .start();
  onTestFinished(async () => {
    await exporter.stop();
  });
  const metrics = async () =>
    (await fetch(`http://${exporter.getHost()}:${exporter.getMappedPort(9187)}/metrics`)).text();
  await expect.poll(metrics).toMatch(/^pg_up 1$/m);
  const text = await metrics();
  for (const name of ['seconds_total', 'calls_total']) {
    expect(text).toMatch(new RegExp(`^pg_stat_statements_${name}\\{[^}]*datname="[^}]*queryid="`, 'm'));
  }
  const statements = text.match(/^pg_stat_statements_calls_total\{.*/gm) ?? [];
  expect(statements.length).toBeLessThanOrEqual(50);
  expect(statements.filter((line) => line.includes('user="sv_monitor"'))).toEqual([]);
  expect(text).not.toMatch(/query="/);
});
