import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openTestLog, type TestLog } from '@sv-sdk/audit/testing';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

let log: TestLog;
beforeEach(async () => {
  log = await openTestLog();
});

interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The real process, with this environment and nothing else. */
function sdk(args: string, more: Record<string, string> = {}): Promise<Outcome> {
  const url = new URL(log.server.pooledUrl);
  const { password } = url;
  url.password = '';
  const env = {
    DATABASE_URL: url.href,
    DB_PASSWORD: password,
    ENCRYPTION_KEY: '0123456789abcdef'.repeat(4),
    ...more,
  };
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [MAIN, 'audit', ...args.split(' ')],
      { env, timeout: 45_000, maxBuffer: 64 * 1024 ** 2 },
      (_error, stdout, stderr) => resolve({ exitCode: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

/** a1…a10 four months ago, b1…b10 three months ago; sealed. */
async function twoMonths(): Promise<void> {
  await log.addRows('a', log.monthsAgo(4), 10);
  await log.addRows('b', log.monthsAgo(3), 10);
  await log.seal();
}

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'sdk-audit-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  return directory;
}

describe('audit verify', () => {
  test('of an untouched log exits with 0, and says where the chain ends', async () => {
    await twoMonths();
    const { exitCode, stdout, stderr } = await sdk('verify');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const end = /^end of the chain +(20:v1\.\S+)$/m.exec(stdout)?.[1];
    expect(stdout).toMatch(/^rows verified +20 in /m);
    const expected = await sdk(`verify --json --expect-head ${end}`);
    expect(expected.exitCode).toBe(0);
    expect(JSON.parse(expected.stdout)).toMatchObject({
      ok: true,
      rows: 20,
      head: { sequence: 20 },
      counts: {},
      findings: [],
    });
  });

  test('of one that was tampered with names the rows, and exits with 1', async () => {
    await twoMonths();
    await log.sql("update audit.audit_logs set user_id = 'x' where id = 'a3'");
    await log.sql("delete from audit.audit_logs where id in ('a7', 'a8')");
    const { exitCode, stdout } = await sdk('verify');
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^CHANGED {4}sequence 3, a3 \(\d{4}-.*Z\): the row is not the one/m);
    expect(stdout).toMatch(/^REMOVED {4}sequences 7 to 8, between a6 \(.*Z\) and a9 \(.*Z\)$/m);
    expect(stdout).toMatch(/^audit log +NOT AS IT WAS SEALED$/m);
    const json = await sdk('verify --json');
    expect(json.exitCode).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      ok: false,
      counts: { changed: 1, removed: 1 },
      findings: [
        { kind: 'changed', id: 'a3', sequence: '3' },
        { kind: 'removed', firstSequence: 7, lastSequence: 8, before: { id: 'a6' }, after: { id: 'a9' } },
      ],
      findingsOmitted: 0,
    });
  });

  test('writes no control character that a forger put into an id', async () => {
    await twoMonths();
    await log.sql("update audit.audit_logs set id = 'a' || chr(27) || '[2J' where id = 'a3'");
    const { exitCode, stdout } = await sdk('verify');
    expect(exitCode).toBe(1);
    expect(stdout).toContain('sequence 3, a\ufffd[2J');
  });

  test('with another key finds nothing as it was', async () => {
    await twoMonths();
    const { exitCode, stdout } = await sdk('verify --json', { ENCRYPTION_KEY: 'f'.repeat(64) });
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout).counts).toEqual({ head: 1, changed: 20 });
  });

  test.each(['verify --expect-head 12', 'verify --expect-head x:v1.y', 'verify more'])(
    '%s: used wrongly, exit code 2',
    async (args) => {
      expect((await sdk(args)).exitCode).toBe(2);
    },
  );

  test('without the key says so, and exits with 1', async () => {
    const { exitCode, stderr } = await sdk('verify', { ENCRYPTION_KEY: '' });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('ENCRYPTION_KEY: is missing');
  });
});

describe('audit search', () => {
  test('finds by type, user and time, as a table and as JSON', async () => {
    await twoMonths();
    const table = await sdk('search --event-type user.* --user u3');
    expect(table).toMatchObject({ exitCode: 0, stderr: '' });
    const [heading = '', ...lines] = table.stdout.trimEnd().split('\n');
    expect(heading.split(/ +/)).toEqual(['time', 'event', 'user', 'address', 'sequence', 'metadata']);
    expect(lines.map((line) => /"name":"Ä (\d+)"/.exec(line)?.[1])).toEqual(['10', '3', '10', '3']);
    const day = log.monthsAgo(3).toISOString().slice(0, 10);
    const json = await sdk(`search --user u3 --from ${day} --limit 1 --json`);
    expect(JSON.parse(json.stdout)).toMatchObject({
      ok: true,
      rows: [{ id: 'b10', eventType: 'user.updated' }],
    });
    const before = await sdk(`search --to ${day}T00:00:00Z --json --limit 1000`);
    expect(JSON.parse(before.stdout).rows).toHaveLength(10);
  });

  test.each([
    'search --event-type auth%',
    'search --from yesterday',
    'search --from 2026-02-31T00:00',
    'search --limit 0',
  ])('%s: used wrongly, exit code 2', async (args) => {
    expect((await sdk(args)).exitCode).toBe(2);
  });

  test('a user who never was is told', async () => {
    const { exitCode, stderr } = await sdk('search --user nobody@example.org');
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: 'sdk: there is no user nobody@example.org\n',
    });
  });
});

describe('audit export', () => {
  test('writes everything to standard output, and leaves a row itself', async () => {
    await twoMonths();
    const { exitCode, stdout, stderr } = await sdk('export --event-type user.*');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\r\n');
    expect(lines[0]).toMatch(/^id,createdAt,/);
    expect(lines.slice(1).map((line) => line.split(',')[0])).toEqual(
      ['b', 'a'].flatMap((prefix) => Array.from({ length: 10 }, (_, i) => `${prefix}${10 - i}`)),
    );
    expect(
      await log.sql("select metadata from audit.audit_logs where event_type = 'audit.exported'"),
    ).toEqual([{ metadata: { format: 'csv', eventType: 'user.*', by: 'sdk audit export' } }]);
  });

  test('writes a file of its own, for its owner alone, and never over another', async () => {
    await twoMonths();
    const file = join(temporaryDirectory(), 'audit.json');
    const { exitCode, stdout } = await sdk(`export --user u3 --format json --output ${file} --json`);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ ok: true, file, rows: 4 });
    expect(JSON.parse(await readFile(file, 'utf8'))).toHaveLength(4);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await writeFile(file, 'mine');
    const again = await sdk(`export --output ${file}`);
    expect(again.exitCode).toBe(1);
    expect(again.stderr).toContain('EEXIST');
    expect(await readFile(file, 'utf8')).toBe('mine');
  });

  test.each(['export --format xml', 'export --json'])('%s: used wrongly, exit code 2', async (args) => {
    expect((await sdk(args)).exitCode).toBe(2);
  });
});

describe('audit retention', () => {
  test('shows what is there, and changes nothing', async () => {
    await twoMonths();
    const { exitCode, stdout } = await sdk('retention', { AUDIT_RETENTION_MONTHS: '3' });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      new RegExp(`^${log.monthsAgo(4).toISOString().slice(0, 7)} .*to be dropped$`, 'm'),
    );
    expect(stdout).toMatch(/^kept +3 months$/m);
    expect((await log.verify()).verification.rows).toBe(20);
  });

  test('--apply drops what is expired, and the rest can be verified', async () => {
    await twoMonths();
    const { exitCode, stdout } = await sdk('retention --apply --json', { AUDIT_RETENTION_MONTHS: '3' });
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      retentionMonths: 3,
      expired: [],
      dropped: [expect.stringMatching(/^audit_logs_\d{4}_\d{2}$/)],
      refusal: null,
    });
    expect((await sdk('verify')).exitCode).toBe(0);
  });

  test('--apply keeps what was tampered with, and exits with 1, until told otherwise', async () => {
    await twoMonths();
    await log.sql("update audit.audit_logs set user_id = 'x' where id = 'a3'");
    const kept = await sdk('retention --apply', { AUDIT_RETENTION_MONTHS: '3' });
    expect(kept.exitCode).toBe(1);
    expect(kept.stdout).toMatch(/^REFUSED +audit_logs_.* is not as it was sealed \(changed\)/m);
    const dropped = await sdk('retention --apply --despite-findings', { AUDIT_RETENTION_MONTHS: '3' });
    expect(dropped.exitCode).toBe(0);
    expect((await sdk('verify')).exitCode).toBe(0);
    expect((await sdk('retention --despite-findings')).exitCode).toBe(2);
  });
});
