/** What alerts.long.test.ts makes fire, looked at without a stack: each alert has a cause there, or a reason why it can't have one. */
import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { AGES, shortRules, windowSeconds } from '../e2e/alert-rules.ts';
import { alertOf } from '../e2e/alerts/cause.ts';
import { NOT_CAUSED, ROOMS } from '../e2e/alerts/rooms.ts';

interface Rule {
  readonly name: string;
  readonly severity: string;
  readonly window: string | undefined;
}

const rules: readonly Rule[] = globSync(
  ['rules', 'optional-rules'].map((name) => `infra/prometheus/${name}/*.yml`),
)
  .flatMap((path) => readFileSync(path, 'utf8').split(/\n(?=\s+- (?:alert|record|name): )/))
  .flatMap((text) => {
    const field = (name: string) => new RegExp(`^\\s+${name}: (.+)$`, 'm').exec(text)?.[1];
    const name = /^\s+- alert: (\w+)$/m.exec(text)?.[1];
    return name === undefined ? [] : [{ name, severity: field('severity') ?? '', window: field('window') }];
  });
const names = [...new Set(rules.map(({ name }) => name))].toSorted();
const causes = ROOMS.flatMap((room) => room.causes);
const caused = causes.flatMap(([, { alerts }]) => alerts);

test('every alert has a cause or a reason, and not both', () => {
  expect(names.length).toBeGreaterThan(60);
  const causedNames = new Set(caused.map((alert) => alertOf(alert).name));
  expect(names.filter((name) => !causedNames.has(name) && !Object.hasOwn(NOT_CAUSED, name))).toEqual([]);
  expect(Object.keys(NOT_CAUSED).filter((name) => causedNames.has(name))).toEqual([]);
});

test('no cause and no reason is left of an alert that is gone', () => {
  const given = [...caused.map((alert) => alertOf(alert).name), ...Object.keys(NOT_CAUSED)];
  expect(given.filter((name) => !names.includes(name))).toEqual([]);
});

test('of rules with one name and another window or severity each is caused', () => {
  const keys = names.flatMap((name) => {
    const own = rules.filter((rule) => rule.name === name);
    const label = own.every(({ window }) => window !== undefined) ? 'window' : 'severity';
    const values = new Set(own.map((rule) => rule[label]));
    return values.size < 2 ? [] : [...values].map((value) => `${name}{${label}="${value}"}`);
  });
  expect(keys.length).toBeGreaterThan(4);
  expect(keys.filter((key) => !caused.includes(key))).toEqual([]);
});

test('causes have names of their own, and what may fire before is among what they cause', () => {
  const called = causes.map(([what]) => what);
  expect(called.toSorted()).toEqual([...new Set(called)].toSorted());
  const strangers = causes.filter(([, { alerts, mayFireBefore = [] }]) =>
    mayFireBefore.some((alert) => !alerts.includes(alert)),
  );
  expect(strangers.map(([what]) => what)).toEqual([]);
});

test('the shortened rules wait for nothing that a test can not wait for', () => {
  const text = [...shortRules()].filter(([file]) => file !== 'rules/audit.yml').map(([, rules]) => rules);
  const left = text.flatMap((one) => [...one.matchAll(/\[\d+[mhd]\]|\bfor: \d+[mhd]|offset \d+[mhd]/g)]);
  // Of the audit's chain a whole day is looked at, and what is wrong there is seen at once.
  expect(left.map(([found]) => found)).toEqual([]);
  const longest = Math.max(...AGES.map(({ seconds }) => seconds));
  for (const name of names) {
    expect(windowSeconds(name), name).toBeGreaterThanOrEqual(0);
    expect(windowSeconds(name), name).toBeLessThanOrEqual(longest + 150);
  }
});
