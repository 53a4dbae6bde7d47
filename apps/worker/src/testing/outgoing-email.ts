import type { OutgoingEmail } from '../providers/provider.ts';

/** An email for a provider, with whatever the test is about. */
export const outgoingEmail = (overrides: Partial<OutgoingEmail> = {}): OutgoingEmail => ({
  id: '0198c9f0-0000-7000-8000-000000000001',
  to: 'ada@example.org',
  subject: 'Hello Ada',
  html: '<p>Hello</p>',
  text: 'Hello',
  headers: {},
  attachments: [],
  ...overrides,
});
