import { globSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { alertLimit, alertNames, alertRule, recordedSeries } from './alert-rules.ts';
import { type CommittedDashboard, type CommittedPanel, committedDashboards, panelsOf } from './committed.ts';
import { generatedFiles } from './generated-files.ts';
import { PROMETHEUS, UIDS } from './names.ts';
import { seriesOf } from './promql.ts';
import { API_LATENCY_P95_SECONDS } from './targets.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..', '..');
const FOLDER = join(REPOSITORY, 'infra/grafana/dashboards');
const read = (path: string) => readFileSync(join(REPOSITORY, path), 'utf8');

const dashboards = committedDashboards();

/** Where each panel is to be found, and the panel. */
const panels = dashboards.flatMap((dashboard) =>
  panelsOf(dashboard).map((panel) => ({ name: `${dashboard.title}: ${panel.title}`, panel })),
);

const offenders = (isWrong: (panel: CommittedPanel) => boolean) =>
  panels.filter(({ panel }) => isWrong(panel)).map(({ name }) => name);

test('what is committed is what the code gives (if not: pnpm generate:dashboards)', () => {
  const committed = new Map(
    readdirSync(FOLDER).map((name) => [name, readFileSync(join(FOLDER, name), 'utf8')]),
  );
  const generated = generatedFiles();
  expect([...committed.keys()].toSorted()).toEqual([...generated.keys()].toSorted());
  for (const [name, text] of generated) expect(committed.get(name) === text, name).toBe(true);
});

test('each dashboard has the uid that bookmarks hold, and a description', () => {
  expect(dashboards.map(({ uid }) => uid).toSorted()).toEqual(UIDS.toSorted());
  expect(dashboards.filter(({ description }) => !description)).toEqual([]);
});

describe('each panel', () => {
  test('has a title, a description, a unit and a query of Prometheus', () => {
    expect(panels.length).toBeGreaterThan(100);
    expect(offenders(({ title }) => !title)).toEqual([]);
    expect(offenders(({ description }) => !description?.endsWith('.'))).toEqual([]);
    expect(offenders(({ fieldConfig }) => !fieldConfig.defaults.unit)).toEqual([]);
    expect(offenders(({ targets }) => targets.length === 0)).toEqual([]);
    expect(offenders(({ datasource }) => datasource.uid !== PROMETHEUS.uid)).toEqual([]);
    expect(
      offenders(({ targets }) => targets.some(({ datasource }) => datasource.uid !== PROMETHEUS.uid)),
    ).toEqual([]);
  });

  test('has an id and a place of its own', () => {
    for (const { title, panels: all } of dashboards) {
      expect(new Set(all.map(({ id }) => id)).size, title).toBe(all.length);
      const taken = new Map<string, string>();
      for (const { title: name, gridPos } of all) {
        expect(gridPos.x + gridPos.w, name).toBeLessThanOrEqual(24);
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
            expect(taken.get(`${x},${y}`), `${title}: ${name} at ${x},${y}`).toBeUndefined();
            taken.set(`${x},${y}`, name);
          }
        }
      }
    }
  });

  test('uses no variable that its dashboard does not have', () => {
    const used = dashboards.flatMap((dashboard) => {
      const known = dashboard.templating.list.map(({ name }) => name);
      return panelsOf(dashboard)
        .flatMap(({ targets }) => targets.flatMap(({ expr }) => [...expr.matchAll(/\$(\w+)/g)]))
        .map(([, name = '']) => name)
        .filter((name) => !name.startsWith('__') && !known.includes(name));
    });
    expect(used).toEqual([]);
  });
});

describe('every series that is asked for exists:', () => {
  /** Metrics of the code, and of the scheduler of the backups. */
  const made = new Set(
    [...globSync('{apps,packages}/*/src/**/*.ts', { cwd: REPOSITORY }), 'infra/postgres/backup-status.sql']
      .filter((path) => !path.endsWith('.test.ts'))
      .flatMap((path) => read(path).match(/\b(?:sv|bullmq)_[a-z0-9_]+/g) ?? []),
  );
  /** Those of the exporters, of Node and of Prometheus itself are asked of a stack: test/e2e/dashboards.e2e.test.ts. */
  const FOREIGN =
    /^(?:pg|pgbouncer|redis|nginx|node|nodejs|process|prometheus|alertmanager)_\w+$|^up$|^ALERTS$/;

  const asked = (dashboard: CommittedDashboard) =>
    [
      ...panelsOf(dashboard).flatMap(({ targets }) => targets.map(({ expr }) => expr)),
      ...dashboard.annotations.list.map(({ expr }) => expr),
      ...dashboard.templating.list.map(({ definition }) =>
        definition.replace(/^label_values\((.*), \w+\)$/, '$1'),
      ),
    ].flatMap(seriesOf);

  test.for(dashboards.map((dashboard) => [dashboard.title, dashboard] as const))('%s', ([, dashboard]) => {
    const isKnown = (series: string) =>
      recordedSeries.has(series) ||
      FOREIGN.test(series) ||
      made.has(series) ||
      made.has(series.replace(/_(?:bucket|sum|count)$/, ''));
    expect(asked(dashboard).length).toBeGreaterThan(5);
    expect(asked(dashboard).filter((series) => !isKnown(series))).toEqual([]);
  });
});

describe('alerts', () => {
  const RUNBOOK = /^\/public\/runbooks\/([a-z0-9-]+\.md)$/;
  const linked = (panel: CommittedPanel) =>
    (panel.links ?? []).flatMap(({ title, url }) => {
      const file = RUNBOOK.exec(url)?.[1];
      return file === undefined ? [] : [{ alert: title.replace('Runbook: ', ''), file }];
    });

  test('each runbook that is linked is that of the alert, and exists', () => {
    const links = panels.flatMap(({ panel }) => linked(panel));
    expect(links.length).toBeGreaterThan(50);
    const pages = readdirSync(join(REPOSITORY, 'docs/runbooks'));
    expect(links.filter(({ alert, file }) => alertRule(alert).runbook !== file)).toEqual([]);
    expect(links.filter(({ file }) => !pages.includes(file))).toEqual([]);
  });

  test('each alert has a panel that leads to its runbook', () => {
    const shown = new Set(panels.flatMap(({ panel }) => linked(panel)).map(({ alert }) => alert));
    expect([...alertNames].filter((name) => !shown.has(name))).toEqual([]);
  });

  test('the line that a panel draws is of an alert about what the panel shows', () => {
    let lines = 0;
    for (const { name, panel } of panels) {
      const shown = new Set(panel.targets.flatMap(({ expr }) => seriesOf(expr)));
      for (const [, alert = ''] of panel.description?.matchAll(/ the alert ([A-Z]\w+(?: \(\w+\))?)/g) ?? []) {
        const { subject, value, is } = alertLimit(alert);
        expect(
          seriesOf(subject).filter((series) => shown.has(series)),
          `${name}, ${alert}`,
        ).not.toEqual([]);
        const drawn =
          is === 'equal'
            ? Object.keys(panel.fieldConfig.defaults.mappings?.[0]?.options ?? {}).map(Number)
            : panel.fieldConfig.defaults.thresholds?.steps.map((step) => step.value);
        expect(drawn, `${name}, ${alert}`).toContain(value);
        lines += 1;
      }
    }
    expect(lines).toBeGreaterThan(30);
  });

  test('a limit is read from the rule as Prometheus reads it', () => {
    expect(alertLimit('AppErrorRateHigh')).toMatchObject({ is: 'above', value: 0.05, severity: 'critical' });
    expect(alertLimit('ReplicaLagBytes').value).toBe(128 * 1024 * 1024);
    expect(alertLimit('NoReadyApp')).toMatchObject({ is: 'equal', value: 0 });
    expect(alertLimit('AuditPartitionsMissing')).toMatchObject({ is: 'below', value: 31 * 86_400 });
    expect(alertLimit('ErrorBudgetBurning (6h)')).toMatchObject({ value: 6, severity: 'critical' });
    expect(() => alertLimit('BackupTooOld')).toThrow('compares with no number');
    expect(() => alertLimit('DiskFullSoon')).toThrow('compares with no number');
  });
});

describe("the guide's latency target", () => {
  const limitsMs = (path: string, limit: RegExp) =>
    [...read(path).matchAll(limit)].map(([, milliseconds]) => Number(milliseconds));
  const targetMs = API_LATENCY_P95_SECONDS.value * 1000;

  test('is the one that the load tests fail by: in k6, and in Artillery', () => {
    expect(limitsMs('test/load/lib/target.js', /TARGET_P95_MS = (\d+)/g)).toEqual([targetMs]);
    expect(limitsMs('test/load/api-test.artillery.yml', /\.p95: (\d+)/g)).toEqual([targetMs]);
  });

  test('stands in no scenario by itself; those that load more than the API have limits of their own', () => {
    const own = globSync('test/load/*.js', { cwd: REPOSITORY }).map(
      (path) => [basename(path), limitsMs(path, /p\(95\)<(\d+)/g)] as const,
    );
    expect(Object.fromEntries(own.filter(([, limits]) => limits.length > 0))).toEqual({
      'email-burst.js': [1000],
      'scale-under-load.js': [500],
    });
  });
});

test('dashboards lead to dashboards that are there', () => {
  const targets = panels.flatMap(({ panel }) =>
    (panel.links ?? []).flatMap(({ url }) => /^\/d\/([\w-]+)/.exec(url)?.[1] ?? []),
  );
  expect(targets.length).toBeGreaterThan(20);
  expect(targets.filter((uid) => !(UIDS as readonly string[]).includes(uid))).toEqual([]);
});
