/** The scaling guide's thresholds stand once in code; where an alert has one of them, it is the same. */
import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { applyPhase, EXAMPLE_VALUES } from '../../apps/cli/src/phase-settings.ts';
import { loadConfig } from '../../packages/config/src/index.ts';
import { figures, RULE_SETTINGS, rulesFrom, triggers } from '../../packages/scaling/src/index.ts';

const rules = globSync('infra/prometheus/rules/*.yml')
  .map((path) => readFileSync(path, 'utf8'))
  .join('\n');

/** The number after `>` in an alert's expression. */
function thresholdOf(alert: string): number {
  const expression = rules.match(
    new RegExp(`- alert: ${alert}\\n(?:\\s+#.*\\n)*\\s+expr:([\\s\\S]*?)\\n\\s+(?:#|for:|labels:)`),
  )?.[1];
  const number = expression?.match(/> ([\d.]+)/)?.[1];
  if (number === undefined) throw new Error(`${alert} has no threshold`);
  return Number(number);
}

test.for(
  triggers.flatMap(({ name, alert, threshold }) =>
    alert === undefined ? [] : [[name, alert, threshold] as const],
  ),
)('the trigger %s and the alert %s have the same threshold', ([, alert, threshold]) => {
  expect(thresholdOf(alert)).toBe(threshold);
});

test("the alerts that tell of the autoscaler's rules have the rules' thresholds", () => {
  const [app, worker] = rulesFrom(loadConfig(RULE_SETTINGS, {}));
  const up = [...(app?.up ?? []), ...(worker?.up ?? [])].map(({ figure, threshold }) => [
    figure.name,
    threshold,
  ]);
  expect(up).toEqual([
    ['cpu', thresholdOf('ScaleAppCpu')],
    ['response', thresholdOf('ScaleAppResponseTime')],
    ['depth', thresholdOf('ScaleWorkerDepth')],
    ['wait', thresholdOf('ScaleWorkerWait')],
  ]);
});

test('every series that the autoscaler and the advisor ask for is made by a recording rule, or scraped', () => {
  const asked = [
    ...Object.values(figures).map(({ series }) => series),
    ...triggers.map(({ expression }) => expression),
  ].flatMap((expression) => expression.match(/\b(?:job|instance):[\w:]+/g) ?? []);
  expect(asked.length).toBeGreaterThan(15);
  expect(asked.filter((series) => !rules.includes(`- record: ${series}\n`))).toEqual([]);
});

test("the settings' defaults stand in docker-compose.yml as they are in the schema", () => {
  const compose = readFileSync('docker-compose.yml', 'utf8');
  const given = Object.fromEntries(
    [...compose.matchAll(/^ {2}(AUTOSCALE_\w+): \$\{\w+:-(\w+)\}$/gm)].map(([, name, value]) => [
      name,
      value,
    ]),
  );
  expect(Object.keys(given).length).toBeGreaterThan(25);
  expect(loadConfig(RULE_SETTINGS, given)).toEqual(loadConfig(RULE_SETTINGS, {}));
});

test('what .env.example gives everybody is no choice that a phase would have to leave alone', () => {
  const example = Object.fromEntries(
    [...readFileSync('.env.example', 'utf8').matchAll(/^([A-Z_]+)=(.+)$/gm)].map(([, name, value]) => [
      name,
      value,
    ]),
  );
  const host = { cores: 4, memoryBytes: 2 ** 40 };
  const { text, kept } = applyPhase(readFileSync('.env.example', 'utf8'), 3, host);
  expect(kept).toEqual([]);
  expect(example).toMatchObject(EXAMPLE_VALUES);
  const compose = ['docker-compose.yml', 'docker-compose.scale.yml']
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
  const written = [...text.matchAll(/^([A-Z_]+)=/gm)]
    .map(([, name]) => name)
    .filter((name) => !name?.startsWith('COMPOSE_'));
  expect(written.length).toBeGreaterThan(10);
  // Each has a reader.
  expect(written.filter((name) => name !== 'IMAGES' && !compose.includes(`\${${name}`))).toEqual([]);
});
