/**
 * Every alert by its real cause on the running stack (alerts/rooms.ts): it fires while its cause lasts, and resolves after
 * it. Times are shortened (alert-rules.ts), what is compared with otherwise is not. How long each took is printed, beside
 * what it may take: its own window, a scrape, an evaluation and the time of a look, 30 s together.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SHORT_RULES, windowSeconds, writeShortRules } from './alert-rules.ts';
import { alertOf, type Cause, FIRES_SECONDS, LANES } from './alerts/cause.ts';
import { NOT_CAUSED, ROOMS } from './alerts/rooms.ts';
import { eventually, query } from './client.ts';
import { untilHealthy } from './containers.ts';
import { environment, shellOrThrow, startStack } from './stack.ts';

const RESOLVES_SECONDS = 240;
const COMPOSE_FILE = 'docker-compose.yml:test/e2e/alert-rules.compose.yml';
const SLACK_SECONDS = 30;

/** Seconds from the cause to the alert, by alert; of several causes those of the last. */
const fired = new Map<string, number>();

beforeAll(async () => {
  await startStack();
  writeShortRules();
  Object.assign(environment, { COMPOSE_FILE, SHORT_RULES });
  await shellOrThrow('docker compose up -d --no-deps --wait prometheus');
});

afterAll(async () => {
  delete environment['COMPOSE_FILE'];
  delete environment['SHORT_RULES'];
  await shellOrThrow('docker compose up -d --no-deps --wait prometheus');
  await untilHealthy();
  const all = [...fired].toSorted(([one], [other]) => one.localeCompare(other));
  console.info(
    `fired by their causes, and resolved:\n${all.map((one) => `  ${describeTime(one)}`).join('\n')}`,
  );
});

function describeTime([alert, seconds]: readonly [string, number]): string {
  const window = windowSeconds(alertOf(alert).name);
  const isLate = seconds > window + SLACK_SECONDS;
  return `${alert}: ${seconds.toFixed(0)} s (${window} s + ${SLACK_SECONDS} s)${isLate ? ', later' : ''}`;
}

/** Those of them that fire. */
async function firingOf(alerts: readonly string[]): Promise<string[]> {
  const found = await query('ALERTS{alertstate="firing"}');
  return alerts.filter((alert) => {
    const { name, labels } = alertOf(alert);
    const wanted = Object.entries({ alertname: name, ...labels });
    return found.some((one) => wanted.every(([label, value]) => one.labels[label] === value));
  });
}

const untilSilent = (alerts: readonly string[], what: string) =>
  eventually(
    () => firingOf(alerts),
    (still) => still.length === 0,
    { seconds: RESOLVES_SECONDS, what },
  );

describe.each(ROOMS)('$name', ({ isTogether = false, prepare, cleanUp, causes }) => {
  beforeAll(async () => void (await prepare?.()));
  afterAll(async () => void (await cleanUp?.()));

  test.for(causes)('%s', { timeout: 1_800_000, concurrent: isTogether }, async ([what, cause]) => {
    const { alerts, mayFireBefore = [] } = cause;
    try {
      await cause.prepare?.();
      await untilSilent(
        alerts.filter((alert) => !mayFireBefore.includes(alert)),
        `silent before ${what}`,
      );
      const seconds = await untilAllHaveFired(what, cause);
      console.info(`${what}: ${[...seconds].map(describeTime).join('; ')}`);
      await untilHealthy();
      await untilSilent(alerts, `resolved after ${what}`);
      for (const [alert, one] of seconds) fired.set(alert, one);
    } finally {
      await cause.cleanUp?.();
    }
  });
});

/** Not all at the same moment: a disk that is full no longer fills. */
async function untilAllHaveFired(what: string, cause: Cause): Promise<ReadonlyMap<string, number>> {
  const { alerts, traffic, lanes = LANES, firesSeconds = FIRES_SECONDS } = cause;
  const seconds = new Map<string, number>();
  let isOver = false;
  let running: Promise<void>[] = [];
  try {
    let begunAtMs = performance.now();
    await cause.start?.();
    if (cause.beginsAfterStart) begunAtMs = performance.now();
    running = Array.from({ length: traffic === undefined ? 0 : lanes }, async () => {
      while (!isOver) await traffic?.().catch(() => undefined);
    });
    await eventually(
      async () => {
        for (const alert of await firingOf(alerts)) {
          if (!seconds.has(alert)) seconds.set(alert, (performance.now() - begunAtMs) / 1000);
        }
        return alerts.filter((alert) => !seconds.has(alert));
      },
      (missing) => missing.length === 0,
      { seconds: firesSeconds, what: `firing because ${what}` },
    );
  } finally {
    isOver = true;
    await cause.end?.();
    await Promise.all(running);
  }
  return seconds;
}

test('what can not be caused fires where the kernel says so, and nowhere else', async () => {
  expect(Object.keys(NOT_CAUSED)).toEqual(['HostClockOff', 'HostClockNotSynchronised']);
  const [status] = await query('node_timex_sync_status');
  const [offset] = await query('node_timex_offset_seconds');
  const [most] = await query('node_timex_maxerror_seconds');
  if (status === undefined || offset === undefined || most === undefined)
    throw new Error('no figures of the clock');
  const expected = [
    ...(status.value === 1 && Math.abs(offset.value) > 0.1 ? ['HostClockOff'] : []),
    ...(status.value === 0 && most.value >= 16 ? ['HostClockNotSynchronised'] : []),
  ];
  console.info(`of the host's clock: ${expected.length === 0 ? 'nothing' : expected.join(', ')} fires`);
  expect(await firingOf(Object.keys(NOT_CAUSED))).toEqual(expected);
});
