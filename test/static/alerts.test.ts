/** Each alert is complete: how bad it is, what it says, a page that says what to do, and tests of firing and of silence. */
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';

interface Alert {
  readonly name: string;
  readonly text: string;
}

const read = (path: string) => readFileSync(path, 'utf8');
const FOLDERS = ['rules', 'optional-rules'].map((name) => `infra/prometheus/${name}/*.yml`);

/** From `- alert:` to the next rule or the end of the group. */
const alerts: readonly Alert[] = globSync(FOLDERS).flatMap((path) =>
  read(path)
    .split(/\n(?=\s+- (?:alert|record|name): )/)
    .flatMap((text) => {
      const name = /^\s+- alert: (\w+)$/m.exec(text)?.[1];
      return name === undefined ? [] : [{ name, text }];
    }),
);
const names = [...new Set(alerts.map(({ name }) => name))].toSorted();

/** What can be said only with yes or no. */
const YES_OR_NO = [
  'BackupFailed',
  'BackupStateUnknown',
  'NoPrimary',
  'QueuePaused',
  'RestoreDrillFailed',
  'RestoreDrillOverdue',
  'WalDropped',
];

const field = ({ text }: Alert, name: string) => new RegExp(`^\\s+${name}: (.+)$`, 'm').exec(text)?.[1] ?? '';
const offenders = (isWrong: (alert: Alert) => boolean) => alerts.filter(isWrong).map(({ name }) => name);

test('there are alerts, and this test finds them', () => {
  const written = globSync(FOLDERS)
    .map(read)
    .join('\n')
    .match(/^\s+- alert: /gm);
  expect(alerts.length).toBe(written?.length);
  expect(names.length).toBeGreaterThan(60);
});

describe('each alert', () => {
  test('is critical, warning or info', () => {
    // One depends on what is concerned: a template with two of them.
    const severities = (alert: Alert) =>
      field(alert, 'severity')
        .replace(/\{\{ (?:if eq [$.\w]+ "\w+"|else|end) \}\}/g, ' ')
        .replaceAll(/['"]/g, '')
        .trim()
        .split(/\s+/);
    expect(
      offenders((alert) =>
        severities(alert).some((severity) => !['critical', 'warning', 'info'].includes(severity)),
      ),
    ).toEqual([]);
  });

  test('has a summary, and a description with what was measured or whom it concerns', () => {
    expect(offenders((alert) => field(alert, 'summary') === '')).toEqual([]);
    expect(
      offenders(
        (alert) =>
          !/\{\{ \$(?:value|labels\.)/.test(field(alert, 'description')) && !YES_OR_NO.includes(alert.name),
      ),
    ).toEqual([]);
    expect(offenders((alert) => field(alert, 'description') === '')).toEqual([]);
  });

  test('has a runbook of its name, with the three parts, in the list of runbooks', () => {
    const list = read('docs/runbooks/README.md');
    const isWrong = (alert: Alert) => {
      const path = field(alert, 'runbook_url');
      if (!path.startsWith('docs/runbooks/') || !existsSync(path)) return true;
      const page = read(path);
      const parts = ['What it means', 'How to check', 'How to end it'];
      return (
        !page.startsWith(`# ${alert.name}\n`) ||
        parts.some((part) => !page.includes(`\n## ${part}\n`)) ||
        !new RegExp(`^\\| ${alert.name} +\\| \\[${basename(path)}\\]\\(${basename(path)}\\)`, 'm').test(list)
      );
    };
    expect(offenders(isWrong)).toEqual([]);
  });

  test('is proven to fire and to stay silent', () => {
    const tests = globSync('infra/prometheus/tests/*.test.yml').map(read).join('\n');
    const proven = (end: string) =>
      new Set(
        [...tests.matchAll(new RegExp(`alertname: (\\w+)(?:, |\\n\\s+)exp_alerts:${end}`, 'g'))].map(
          ([, name]) => name,
        ),
      );
    const [firing, silent] = [proven('\\n'), proven(' \\[\\]')];
    expect(names.filter((name) => !firing.has(name))).toEqual([]);
    expect(names.filter((name) => !silent.has(name))).toEqual([]);
  });
});

test('no runbook and no test is left of an alert that is gone', () => {
  const pages = readdirSync('docs/runbooks').filter((page) => page !== 'README.md');
  expect(
    pages.filter((page) => !alerts.some((alert) => field(alert, 'runbook_url').endsWith(`/${page}`))),
  ).toEqual([]);
  const tested = globSync('infra/prometheus/tests/*.test.yml').flatMap((path) =>
    [...read(path).matchAll(/alertname: (\w+)/g)].map(([, name]) => name as string),
  );
  expect([...new Set(tested)].filter((name) => !names.includes(name))).toEqual([]);
});

test('every rule file has a test file that reads it', () => {
  const tests = globSync('infra/prometheus/tests/*.test.yml').map(read).join('\n');
  const files = globSync(FOLDERS).map((path) => path.replace('infra/prometheus/', '../'));
  expect(files.filter((path) => !tests.includes(`  - ${path}\n`))).toEqual([]);
});

test('Alertmanager keeps alerts silent by names that there are', () => {
  const routes = read('infra/alertmanager/routes.yml');
  const patterns = [...routes.matchAll(/alertname =~? "?([\w.+|]+)/g)].flatMap(
    ([, list]) => list?.split('|') ?? [],
  );
  expect(patterns.length).toBeGreaterThan(20);
  const unknown = patterns.filter((pattern) => !names.some((name) => new RegExp(`^${pattern}$`).test(name)));
  // The one that `make alert-test` makes up.
  expect(unknown).toEqual(['AlertTest']);
});

test('every secret that a person may fill in is in the stack and in the documents', () => {
  const list = /^OPTIONAL_SECRETS="([^"]+)"/m.exec(read('infra/host/common.sh'))?.[1] ?? '';
  const secrets = list.replaceAll('\\\n', ' ').trim().split(/\s+/);
  expect(secrets.length).toBeGreaterThan(10);
  const compose = read('docker-compose.yml');
  const page = read('docs/operations/settings.md');
  expect(secrets.filter((name) => !compose.includes(`  ${name}: { file: `))).toEqual([]);
  expect(secrets.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});
