/**
 * What Prometheus' rule files say. A limit stands there once, with its reason; a dashboard names the alert and draws the
 * limit that the alert has.
 */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { constantOf, withoutMatchers } from './promql.ts';

const PROMETHEUS = join(import.meta.dirname, '..', '..', 'prometheus');

export interface AlertRule {
  readonly name: string;
  /** Over which it looks back, where it has a rule for each of several windows, with a limit of its own. */
  readonly window?: string;
  readonly expression: string;
  readonly severity: Severity;
  /** The file's name in docs/runbooks. */
  readonly runbook: string;
}

export type Severity = 'critical' | 'warning' | 'info';

export interface AlertLimit {
  readonly alert: string;
  readonly severity: Severity;
  /** The alert fires while what it looks at is so, compared with the value. */
  readonly is: 'above' | 'below' | 'equal';
  readonly value: number;
  /** The expression of what it looks at. */
  readonly subject: string;
}

interface RuleFile {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly record?: string;
      readonly alert?: string;
      readonly expr: string;
      readonly labels?: { readonly severity?: string; readonly window?: string };
      readonly annotations?: { readonly runbook_url?: string };
    }[];
  }[];
}

const rules = globSync(['rules/*.yml', 'optional-rules/*.yml'], { cwd: PROMETHEUS })
  .toSorted()
  .map((path) => parse(readFileSync(join(PROMETHEUS, path), 'utf8')) as RuleFile)
  .flatMap(({ groups }) => groups.flatMap((group) => group.rules));

export const recordedSeries: ReadonlySet<string> = new Set(
  rules.flatMap(({ record }) => (record === undefined ? [] : [record])),
);

const alerts: readonly AlertRule[] = rules.flatMap(({ alert, expr, labels, annotations }) =>
  alert === undefined
    ? []
    : {
        name: alert,
        ...(labels?.window !== undefined && { window: labels.window }),
        expression: expr,
        severity: severityOf(labels?.severity ?? ''),
        runbook: basename(annotations?.runbook_url ?? ''),
      },
);

export const alertNames: ReadonlySet<string> = new Set(alerts.map(({ name }) => name));

/** By its name; of an alert with several windows that of one: `ErrorBudgetBurning (1h)`. */
export function alertRule(called: string): AlertRule {
  const rule = alerts.find(({ name, window }) => called === name || called === `${name} (${window})`);
  if (rule === undefined) throw new Error(`There is no alert ${called} in infra/prometheus`);
  return rule;
}

const COMPARISON = /^\s*(>|<|==)\s*(?!bool\b)([\d.]+(?:\s*\*\s*[\d.]+)*)(?=\s|$)/;
const IS = { '>': 'above', '<': 'below', '==': 'equal' } as const;

/**
 * The number that an alert compares with, outside all parentheses. An alert that compares two series has none, and can't
 * be drawn as a line.
 */
export function alertLimit(name: string): AlertLimit {
  const { expression, severity } = alertRule(name);
  const bare = withoutMatchers(expression);
  let depth = 0;
  for (const [position, character] of [...bare].entries()) {
    if (character === '(') depth += 1;
    if (character === ')') depth -= 1;
    const found = depth === 0 ? COMPARISON.exec(bare.slice(position)) : null;
    if (found === null) continue;
    const [, operator = '', constant = ''] = found;
    return {
      alert: name,
      severity,
      is: IS[operator as keyof typeof IS],
      value: constantOf(constant),
      subject: bare.slice(0, position),
    };
  }
  throw new Error(`The alert ${name} compares with no number`);
}

/** One that depends on a label is drawn as the worst that it can be. */
function severityOf(label: string): Severity {
  for (const severity of ['critical', 'warning', 'info'] as const)
    if (label.includes(severity)) return severity;
  throw new Error(`A rule has the severity ${label}`);
}
