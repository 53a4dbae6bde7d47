/** What the figures were measured on, and of what. */
import { arch, cpus, release, totalmem } from 'node:os';
import { repository } from '../../test/e2e/stack.ts';
import { run, runOrThrow } from '../../test/harness/run.ts';

export type Machine = readonly (readonly [what: string, is: string])[];

export async function describeRun(): Promise<Machine> {
  // The checkout is mounted into the tests' container, where it belongs to another user.
  const git = (...args: string[]) =>
    runOrThrow('git', ['-c', `safe.directory=${repository}`, '-C', repository, ...args]);
  const commit = (await git('rev-parse', '--short=12', 'HEAD')).stdout.trim();
  const isClean = (await git('status', '--porcelain', '--untracked-files=no')).stdout.trim() === '';
  const engine = (await runOrThrow('docker', ['version', '--format', '{{.Server.Version}}'])).stdout.trim();
  const version = process.env['SV_VERSION'] || 'dev';
  const inImage = async (image: string, ...command: string[]) => {
    const [entrypoint = '', ...args] = command;
    const docker = ['run', '--rm', '--entrypoint', entrypoint, `sv-sdk/${image}:${version}`, ...args];
    const { exitCode, output } = await run('docker', docker);
    return exitCode === 0 ? (output.trim().split('\n')[0] ?? '') : 'its image is not there';
  };
  return [
    ['processor', `${cpus().length} × ${cpus()[0]?.model.trim() || 'of an unknown kind'} (${arch()})`],
    ['memory', `${(totalmem() / 2 ** 30).toFixed(1)} GiB`],
    ['kernel', release()],
    ['Docker Engine', engine],
    ['Node', process.version],
    [
      'Postgres',
      await inImage(
        'postgres',
        'sh',
        '-c',
        '/usr/lib/postgresql/*/bin/postgres --version || postgres --version',
      ),
    ],
    ['PgBouncer', await inImage('pgbouncer', 'pgbouncer', '--version')],
    ['Redis', await inImage('redis', 'redis-server', '--version')],
    ['nginx', await inImage('nginx', 'nginx', '-v')],
    ['commit', isClean ? commit : `${commit}, with changes that are not committed`],
  ];
}
