import type { EmailEventType } from '@sv-sdk/email';
import { expect, test } from 'vitest';
import { advance, type EmailState, type Happening } from './advance.ts';

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 12, 0, second));

const QUEUED: EmailState = {
  status: 'queued',
  sentAt: null,
  deliveredAt: null,
  bouncedAt: null,
  complainedAt: null,
  failedAt: null,
  errorMessage: null,
};
const SENT: EmailState = { ...QUEUED, status: 'sent', sentAt: at(1) };

const happening = (type: EmailEventType, second: number, detail: string | null = null): Happening => ({
  type,
  at: at(second),
  detail,
});

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, index) =>
    permutations(items.toSpliced(index, 1)).map((others) => [item, ...others]),
  );
}

const ALL = [
  happening('sent', 2),
  happening('deferred', 3, 'later'),
  happening('delivered', 4, 'taken'),
  happening('soft_bounce', 5, 'full'),
  happening('hard_bounce', 6, 'nobody'),
  happening('complaint', 7, 'abuse'),
];

test.each([
  ['sent by our record', SENT],
  [
    'claimed, failed or taken back by our record, which was wrong',
    { ...QUEUED, status: 'failed', failedAt: at(1) },
  ],
] as const)('an email that is %s comes to the same end by the same events in any order', (_what, before) => {
  const ends = permutations(ALL).map((order) => {
    const { sentAt, ...end } = order.reduce<EmailState>(advance, before);
    expect(sentAt).not.toBeNull();
    return end;
  });
  expect(ends).toHaveLength(720);
  for (const end of ends) {
    expect(end).toEqual({
      status: 'bounced',
      deliveredAt: at(4),
      bouncedAt: at(5),
      complainedAt: at(7),
      failedAt: null,
      errorMessage: 'full',
    });
  }
});

test('without a bounce it ends as delivered, in any order', () => {
  const events = ALL.filter(({ type }) => !type.endsWith('bounce'));
  for (const order of permutations(events)) {
    expect(order.reduce<EmailState>(advance, SENT)).toMatchObject({
      status: 'delivered',
      sentAt: at(1),
      bouncedAt: null,
      errorMessage: null,
    });
  }
});

test('events that come again change nothing', () => {
  const once = ALL.reduce<EmailState>(advance, SENT);
  expect([...ALL, ...ALL.toReversed()].reduce<EmailState>(advance, once)).toEqual(once);
});

test.each([
  ['sent', 'sent'],
  ['deferred', 'sent'],
  ['complaint', 'sent'],
  ['delivered', 'delivered'],
  ['soft_bounce', 'bounced'],
  ['hard_bounce', 'bounced'],
  ['dropped', 'bounced'],
] as const)('%s alone leads to %s, whatever our own record says', (type, status) => {
  for (const ours of ['queued', 'failed', 'suppressed', 'cancelled', 'uncertain'] as const) {
    const after = advance({ ...QUEUED, status: ours, errorMessage: 'timeout' }, happening(type, 9, 'why'));
    expect(after).toMatchObject({ status, sentAt: at(9), errorMessage: status === 'bounced' ? 'why' : null });
  }
});
