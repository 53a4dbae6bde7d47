import { beforeAll, expect, test } from 'vitest';
import { eventually } from './client.ts';
import { adminEmail, shell, shellOrThrow, startStack, urls } from './stack.ts';

interface Mail {
  readonly to: { address: string }[];
  readonly subject: string;
  readonly text?: string;
  readonly html?: string;
}

beforeAll(() => startStack());

/** Mails about the alert that `make alert-test` sends, of this run and of earlier ones. */
async function testMails(): Promise<Mail[]> {
  const response = await fetch(`${urls.maildev}/api/email`);
  const mails = (await response.json()) as Mail[];
  return mails.filter(({ subject }) => subject.includes('AlertTest'));
}

test('make alert-test: its alert is in the mail of whom the settings name, with what it says', async () => {
  const before = (await testMails()).length;
  const { output } = await shellOrThrow('make alert-test');
  expect(output).toContain('email: sent');
  const mails = await eventually(testMails, (found) => found.length > before, {
    seconds: 30,
    what: 'the mail of the alert',
  });
  const mail = mails.at(-1);
  expect(mail?.to.map(({ address }) => address)).toEqual([adminEmail]);
  const body = `${mail?.text ?? ''}${mail?.html ?? ''}`;
  expect(body).toContain('This is a test, nothing is wrong');
  expect(body).toContain('docs/operations/alerts.md');
});

test('make alert-test says which way failed, why, and ends with an error', async () => {
  await shellOrThrow('docker compose stop maildev');
  try {
    const result = await shell('TEST_SECONDS=45 make alert-test');
    expect(result.exitCode).not.toBe(0);
    expect(result.output).toMatch(/email: (?:failed|nothing was sent within 45 s)/);
    expect(result.output).toContain('docs/runbooks/alerts-not-delivered.md');
  } finally {
    await shellOrThrow('docker compose up -d --no-deps --wait maildev');
  }
});
