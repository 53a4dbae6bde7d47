import { createEmailQueue, createProducerConnection, untilConnected } from '@sv-sdk/queue';
import { startTestRedis } from '@sv-sdk/queue/testing';
import { createLogger } from '@sv-sdk/telemetry';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startTestSdk, type TestSdk } from '../testing/sdk.ts';

const MJML = (body: string) =>
  `<mjml><mj-body><mj-section><mj-column><mj-text>${body}</mj-text></mj-column></mj-section></mj-body></mjml>`;

/** With the platform's own templates. */
async function startSdk(): Promise<TestSdk> {
  const sdk = await startTestSdk();
  expect((await sdk.run(['db', 'migrate'])).exitCode).toBe(0);
  return sdk;
}

const auditRows = (sdk: TestSdk, pattern: string) =>
  sdk.query(
    'select event_type, user_id, metadata from audit.audit_logs where event_type like $1 order by created_at, id',
    [pattern],
  );

/** Emails that were accepted so many days ago, with this end, numbered from 1. */
async function addEmails(
  sdk: TestSdk,
  count: number,
  email: { status: string; provider?: string; daysAgo?: number; template?: string },
): Promise<string[]> {
  const { status, provider = 'smtp', daysAgo = 0, template = 'notification' } = email;
  const rows = await sdk.query(
    `insert into email.email_sends (id, recipient, template, variables, status, provider, attempts, created_at, sent_at)
     select gen_random_uuid()::text, 'ada@example.org', $4, '{}', $2::email.email_status, $3, 3,
       now() - $5::int * interval '1 day', case when $2 in ('sent', 'delivered', 'bounced') then now() end
     from generate_series(1, $1) i returning id`,
    [count, status, provider, template, daysAgo],
  );
  return rows.map(({ id }) => id);
}

const countOf = async (sdk: TestSdk, status: string) =>
  Number(
    (await sdk.query('select count(*) from email.email_sends where status::text = $1', [status]))[0].count,
  );

describe('email test', () => {
  test('sends one email the way all go, and says what became of it', async () => {
    const sdk = await startSdk();
    const { exited } = sdk.start(['email', 'test', '--to', 'ada@example.org', '--json']);
    const queued = () =>
      sdk.query(
        'select s.id, s.template, o.priority from email.email_sends s join email.email_outbox o on o.email_send_id = s.id',
      );
    await expect.poll(queued).toHaveLength(1);
    const [{ id, template, priority }] = await queued();
    expect({ template, priority }).toEqual({ template: 'notification', priority: 1 });
    // What a worker does.
    await sdk.query(
      "update email.email_sends set status = 'sent', provider = 'smtp', message_id = 'm1', attempts = 1 where id = $1",
      [id],
    );
    const { exitCode, stdout } = await exited;
    expect({ exitCode, answer: JSON.parse(stdout) }).toEqual({
      exitCode: 0,
      answer: {
        ok: true,
        email: { id, status: 'sent', provider: 'smtp', messageId: 'm1', attempts: 1, errorMessage: null },
      },
    });
    expect(await auditRows(sdk, 'email.%')).toMatchObject([
      { event_type: 'email.queued', user_id: null, metadata: { emailIds: [id], by: 'sdk email test' } },
    ]);
  });

  test('ends with 1, and the reason, when it could not be sent or nobody has sent it in time', async () => {
    const sdk = await startSdk();
    const late = await sdk.run(['email', 'test', '--to', 'ada@example.org', '--wait', '1']);
    expect(late.exitCode).toBe(1);
    expect(late.stdout).toContain('No worker has sent it within 1 s');

    const { exited } = sdk.start(['email', 'test', '--to', 'bob@example.org']);
    const refuse = `update email.email_sends set status = 'failed', error_message = '550 no such user'
      where recipient = 'bob@example.org' returning id`;
    await expect.poll(() => sdk.query(refuse)).toHaveLength(1);
    const { exitCode, stdout } = await exited;
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^status +failed$/m);
    expect(stdout).toMatch(/^error +550 no such user$/m);
  });

  test('wrong usage names what is wrong, and sends nothing', async () => {
    const sdk = await startSdk();
    const wrong = [
      [['--to', 'nobody'], 'to: must be an email address'],
      [['--to', 'a@example.org', '--template', 'nope'], 'template: there is no active template "nope"'],
      [['--to', 'a@example.org', '--template', 'invite'], 'variables.'],
      [['--to', 'a@example.org', '--variable', 'name'], 'name=value is expected'],
    ] as const;
    for (const [args, message] of wrong) {
      const { exitCode, stderr } = await sdk.run(['email', 'test', ...args]);
      expect(exitCode).toBe(2);
      expect(stderr).toContain(message);
    }
    expect(await sdk.query('select id from email.email_sends')).toEqual([]);
  });
});

describe('email list-templates and validate', () => {
  test('every template of the platform is listed and fine', async () => {
    const sdk = await startSdk();
    const { exitCode, answer } = await sdk.json(['email', 'list-templates']);
    expect(exitCode).toBe(0);
    const names = new Set(answer.templates.map(({ name }: { name: string }) => name));
    expect(names).toEqual(
      new Set(['verification_email', 'password_reset', 'invite', 'notification', 'marketing']),
    );
    const validated = await sdk.json(['email', 'validate']);
    expect(validated).toMatchObject({ exitCode: 0, answer: { ok: true } });
    expect(validated.answer.templates).toHaveLength(answer.templates.length);
  });

  test('only the newest version is in use; --all shows the others', async () => {
    const sdk = await startSdk();
    await sdk.query(
      `insert into email.email_templates (id, name, locale, version, subject, mjml, html, variables)
       select 'new', name, locale, version + 1, 'Newer', mjml, html, variables from email.email_templates
       where name = 'notification' and locale = 'en' order by version desc limit 1`,
    );
    const listed = async (...more: string[]) =>
      (await sdk.json(['email', 'list-templates', ...more])).answer.templates.filter(
        ({ name, locale }: { name: string; locale: string }) => name === 'notification' && locale === 'en',
      );
    expect(await listed()).toMatchObject([{ subject: 'Newer' }]);
    expect((await listed('--all')).length).toBeGreaterThan(1);
  });

  test('a file is checked as the API would, with the line of what is wrong', async () => {
    const sdk = await startTestSdk();
    const validate = (mjml: string, ...more: string[]) =>
      sdk.run(['email', 'validate', '-', ...more], { input: mjml });
    expect(await validate(MJML('Hello {{name}}'), '--variables', 'name')).toMatchObject({
      exitCode: 0,
      stdout: 'standard input: fine\n',
    });
    const undeclared = await validate(MJML('Hello {{name}}'));
    expect(undeclared).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('name') });
    const broken = await validate('<mjml>\n<mj-body>\n<mj-nonsense /></mj-body></mjml>');
    expect(broken).toMatchObject({ exitCode: 1, stdout: expect.stringMatching(/mjml: line 3: /) });
    expect((await sdk.run(['email', 'validate', '/nowhere.mjml'])).exitCode).toBe(1);
  });
});

describe('email stats', () => {
  test('counts what became of the emails, and what they cost', async () => {
    const sdk = await startTestSdk();
    await addEmails(sdk, 2_000, { status: 'delivered', provider: 'ses' });
    await addEmails(sdk, 3, { status: 'bounced', provider: 'ses', daysAgo: 1 });
    await addEmails(sdk, 5, { status: 'failed', provider: 'smtp' });
    await addEmails(sdk, 7, { status: 'sent', provider: 'smtp', daysAgo: 40 });
    const { exitCode, answer } = await sdk.json(['email', 'stats']);
    expect(exitCode).toBe(0);
    expect(answer.total).toMatchObject({
      accepted: 2_008,
      sent: 2_003,
      delivered: 2_000,
      bounced: 3,
      failed: 5,
    });
    // The guide's: (sent / 1000) × 0.10.
    expect(answer.total.costUsd).toBeCloseTo(0.2003, 6);
    const { stdout } = await sdk.run(['email', 'stats', '--by', 'day'], {
      env: { EMAIL_COST_PER_1000_SES: '10' },
    });
    expect(stdout).toMatch(/^total +2008 .* 20\.03$/m);
    const all = await sdk.json(['email', 'stats', '--from', '2020-01-01']);
    expect(all.answer.total.accepted).toBe(2_015);
    expect(
      (await sdk.run(['email', 'stats', '--from', '2024-02-01', '--until', '2024-01-01'])).exitCode,
    ).toBe(2);
  });
});

describe('email replay', () => {
  test('all that failed are queued again, once each and with audit rows, however many there are', async () => {
    const sdk = await startTestSdk();
    await addEmails(sdk, 2_500, { status: 'failed' });
    await addEmails(sdk, 2, { status: 'bounced' });
    await addEmails(sdk, 3, { status: 'uncertain' });
    expect(await sdk.json(['email', 'replay', '--all', '--yes'])).toEqual({
      exitCode: 0,
      answer: { ok: true, replayed: 2_500 },
    });
    expect(await countOf(sdk, 'queued')).toBe(2_500);
    expect(await countOf(sdk, 'uncertain')).toBe(3);
    expect(
      await sdk.query(
        'select count(*)::int from email.email_outbox where relayed_at is null and may_have_job',
      ),
    ).toEqual([{ count: 2_500 }]);
    const rows = await auditRows(sdk, 'email.replayed');
    expect(rows.flatMap(({ metadata }) => metadata.emailIds)).toHaveLength(2_500);
    expect(rows[0]).toMatchObject({ user_id: null, metadata: { by: 'sdk email replay' } });
    expect(await sdk.json(['email', 'replay', '--all', '--yes'])).toMatchObject({ answer: { replayed: 0 } });
  });

  test('what fails again at once is not replayed for ever', async () => {
    const sdk = await startTestSdk();
    await addEmails(sdk, 1_500, { status: 'failed' });
    // A worker that is quicker than the command.
    await sdk.query(`
      create function fail_again() returns trigger language plpgsql as
        $$ begin if new.status = 'queued' then new.status := 'failed'; end if; return new; end $$;
      create trigger fail_again before update on email.email_sends for each row execute function fail_again()`);
    expect(await sdk.json(['email', 'replay', '--all', '--yes'])).toMatchObject({
      exitCode: 0,
      answer: { ok: true },
    });
  });

  test('only those that match', async () => {
    const sdk = await startTestSdk();
    await addEmails(sdk, 2, { status: 'failed', provider: 'ses' });
    await addEmails(sdk, 3, { status: 'failed', provider: 'smtp', template: 'invite' });
    await addEmails(sdk, 4, { status: 'failed', provider: 'smtp', daysAgo: 40 });
    const replayed = async (...filter: string[]) =>
      (await sdk.json(['email', 'replay', '--all', '--yes', ...filter])).answer.replayed;
    expect(await replayed('--provider', 'ses')).toBe(2);
    expect(await replayed('--template', 'invite')).toBe(3);
    expect(await replayed('--from', '2999-01-01')).toBe(0);
    const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    expect(await replayed('--until', yesterday)).toBe(4);
  });

  test('of those that are named, each says whether it could be; nothing is asked for without a name', async () => {
    const sdk = await startTestSdk();
    const [failed = ''] = await addEmails(sdk, 1, { status: 'failed' });
    const [sent = ''] = await addEmails(sdk, 1, { status: 'sent' });
    expect(await sdk.json(['email', 'replay', failed, sent])).toEqual({
      exitCode: 1,
      answer: {
        ok: false,
        results: [
          { id: failed, isReplayed: true },
          { id: sent, isReplayed: false },
        ],
      },
    });
    expect(await countOf(sdk, 'queued')).toBe(1);
    expect((await sdk.run(['email', 'replay'])).exitCode).toBe(2);
    expect((await sdk.run(['email', 'replay', '--all', sent])).exitCode).toBe(2);
    // Nobody is there to be asked.
    expect((await sdk.run(['email', 'replay', '--all'])).exitCode).toBe(2);
  });
});

describe('email pause and resume', () => {
  test('no worker takes a job until resume, and both have their audit rows, once', async () => {
    const sdk = await startTestSdk();
    const redis = await startTestRedis('queue');
    const logger = createLogger({ service: 'test', version: 'test', level: 'fatal' });
    const connection = createProducerConnection(redis.url, logger);
    const queue = createEmailQueue(connection, logger);
    onTestFinished(async () => {
      await queue.close();
      connection.disconnect();
      await redis.stop();
    });
    await untilConnected(connection);
    const set = async (command: string) => {
      const { exitCode, stdout } = await sdk.run(['email', command, '--json'], {
        env: { REDIS_QUEUE_URL: redis.url },
      });
      return { exitCode, ...JSON.parse(stdout) };
    };
    expect(await set('pause')).toEqual({ exitCode: 0, ok: true, isPaused: true, isChanged: true });
    expect(await queue.isPaused()).toBe(true);
    expect(await set('pause')).toMatchObject({ exitCode: 0, isChanged: false });
    expect(await set('resume')).toEqual({ exitCode: 0, ok: true, isPaused: false, isChanged: true });
    expect(await queue.isPaused()).toBe(false);
    expect(await auditRows(sdk, 'queue.%')).toMatchObject([
      { event_type: 'queue.paused', user_id: null, metadata: { queue: 'emails', by: 'sdk email pause' } },
      { event_type: 'queue.resumed', metadata: { by: 'sdk email resume' } },
    ]);

    // As a restore does, whose database may be gone.
    const { exitCode } = await sdk.run(['email', 'pause', '--no-record'], {
      env: { REDIS_QUEUE_URL: redis.url, DATABASE_URL: 'postgres://sv_app@127.0.0.1:1/gone' },
    });
    expect(exitCode).toBe(0);
    expect(await queue.isPaused()).toBe(true);
  });

  test('without its Redis it fails with the reason, and records nothing', async () => {
    const sdk = await startTestSdk();
    const { exitCode, stderr } = await sdk.run(['email', 'pause'], {
      env: { REDIS_QUEUE_URL: 'redis://127.0.0.1:1' },
    });
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: 'sdk: the queue cannot be reached (REDIS_QUEUE_URL)\n',
    });
    expect(await auditRows(sdk, 'queue.%')).toEqual([]);
  });
});
