import { describe, expect, test } from 'vitest';
import { parseMoment, planRestore, type RestoreNode } from './restore-plan.ts';

const at = (time: string) => new Date(`2026-11-${time}Z`);
const NOW = at('26T12:00:00');

const backup = (label: string, endedAt: string, timeline = 1) => ({
  label,
  type: 'full',
  timestamp: { stop: at(endedAt).getTime() / 1000 },
  archive: { stop: `${timeline.toString(16).padStart(8, '0')}0000000000000005` },
  info: { size: 1000 },
});

const nodeWith = (backups: ReturnType<typeof backup>[], changes: Partial<RestoreNode> = {}): RestoreNode => ({
  timeline: 1,
  ancestors: [],
  clusterState: 'shut down',
  committed: '',
  copy: '',
  info: [{ backup: backups }],
  ...changes,
});

const twoBackups = nodeWith([backup('older', '20T02:00:00'), backup('newer', '25T02:00:00')]);

describe('a moment', () => {
  test.each([
    ['2026-11-23 12:00:00', '2026-11-23T12:00:00.000Z'],
    ['2026-11-23T12:00', '2026-11-23T12:00:00.000Z'],
    ['2026-11-23 12:00:00.25Z', '2026-11-23T12:00:00.250Z'],
    ['2026-11-23 12:00:00+01:00', '2026-11-23T11:00:00.000Z'],
    ['2026-11-23 12:00:00 -0530', '2026-11-23T17:30:00.000Z'],
    ['2026-11-23 12:00:00+02', '2026-11-23T10:00:00.000Z'],
  ])('%s is UTC unless it says otherwise', (text, iso) => {
    expect(parseMoment(text).toISOString()).toBe(iso);
  });

  test.each([
    'yesterday',
    '2026-11-23',
    '23.11.2026 12:00',
    '2026-02-31 12:00:00',
    '2026-11-23 25:00:00',
    '',
  ])('%j is refused with what is expected', (text) => {
    expect(() => parseMoment(text)).toThrow(`TO=${text}: a moment such as "2026-11-23 12:00:00" is expected`);
  });
});

describe('the backup', () => {
  test('is the newest, to the latest moment', () => {
    expect(planRestore(twoBackups, {}, NOW)).toMatchObject({ set: 'newer', timeline: 1 });
  });

  test('is the newest that had ended by then, as none can go back before its own end', () => {
    const to = (moment: string) => planRestore(twoBackups, { to: at(moment) }, NOW).set;
    expect(to('25T01:59:59')).toBe('older');
    // In the second of its end it may not be consistent yet.
    expect(to('25T02:00:00')).toBe('older');
    expect(to('25T02:00:01')).toBe('newer');
  });

  test('that is named is taken, unless it is none or too late', () => {
    expect(planRestore(twoBackups, { set: 'older' }, NOW).set).toBe('older');
    expect(() => planRestore(twoBackups, { set: 'oldest' }, NOW)).toThrow(
      'SET=oldest is none of older, newer',
    );
    expect(() => planRestore(twoBackups, { set: 'newer', to: at('24T00:00:00') }, NOW)).toThrow(
      'SET=newer ended at 2026-11-25 02:00:00.000 UTC, after TO=2026-11-24 00:00:00.000 UTC',
    );
  });

  test('of a branch that was left is never taken for the data’s own timeline', () => {
    // 1 → 2 was restored and undone, 1 → 3 is live.
    const branches = nodeWith(
      [backup('one', '20T02:00:00'), backup('two', '22T02:00:00', 2), backup('three', '24T02:00:00', 3)],
      { timeline: 3, ancestors: [1] },
    );
    expect(planRestore(branches, { to: at('23T00:00:00') }, NOW).set).toBe('one');
    expect(planRestore(branches, {}, NOW)).toMatchObject({ set: 'three', timeline: 3 });
    expect(planRestore(branches, { timeline: 2 }, NOW)).toMatchObject({ set: 'two', timeline: 2 });
  });

  test('where the data is lost, is the newest of all, and Postgres follows the archive', () => {
    const lost = nodeWith([backup('one', '20T02:00:00'), backup('two', '22T02:00:00', 2)], {
      timeline: null,
      clusterState: '',
    });
    expect(planRestore(lost, {}, NOW)).toMatchObject({ set: 'two', timeline: undefined });
  });
});

describe('what can’t be restored is refused with the range', () => {
  test.each([
    ['before the oldest backup', '19T00:00:00', 'lies before the oldest backup'],
    ['in the future', '27T00:00:00', 'lies in the future'],
  ])('%s', (_what, to, reason) => {
    expect(() => planRestore(twoBackups, { to: at(to) }, NOW)).toThrow(
      `${reason}; what can be restored lies between 2026-11-20 02:00:01.000 UTC and now, 2026-11-26 12:00:00.000 UTC`,
    );
  });

  test('without any backup', () => {
    expect(() => planRestore(nodeWith([]), {}, NOW)).toThrow('there is no backup in the repository yet');
  });
});
