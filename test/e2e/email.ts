/** What email.e2e.test.ts does to the stack, and what it asks it: workers that send to smtp-counter.ts, and its count. */
import { call, eventually } from './client.ts';
import { untilHealthy } from './containers.ts';
import { PORT, SEEN_FILE } from './smtp-counter.ts';
import { project, shell, shellOrThrow, sql } from './stack.ts';

const COMPOSE = 'docker compose -f docker-compose.yml -f test/e2e/smtp-counter.compose.yml';

/** Short enough that what a kill leaves behind is taken up again while the test waits for it. */
const SETTINGS = `SMTP_URL=smtp://smtp-counter:${PORT} EMAIL_CONCURRENCY=20 EMAIL_SEND_TIMEOUT_SECONDS=15 EMAIL_SWEEP_AFTER_SECONDS=10`;

/** A batch of it is accepted or refused as a whole, as the API's own limit is a thousand. */
export interface NewEmail {
  readonly to: string;
  readonly priority?: number;
}

export interface EmailRow {
  readonly id: string;
  readonly recipient: string;
  readonly status: string;
  /** It is marked that it may have gone out twice. */
  readonly isUncertain: boolean;
  /** Attempts of which nobody knows how they ended. */
  readonly uncertainAttempts: number;
}

/** How often the SMTP server has taken, and refused, each id. */
export interface Seen {
  readonly taken: ReadonlyMap<string, number>;
  readonly refused: ReadonlyMap<string, number>;
}

/** Starts the SMTP server and lets the workers send to it. */
export async function startSmtpCounter(): Promise<void> {
  await shellOrThrow(`${COMPOSE} up -d --no-deps smtp-counter`);
  await useWorkers(2);
}

/** Lets the workers send to where they did before, and removes the SMTP server. */
export async function stopSmtpCounter(): Promise<void> {
  await shellOrThrow('docker compose up -d --no-deps --scale worker=2 worker');
  await shellOrThrow(`${COMPOSE} rm --stop --force smtp-counter`);
  await untilHealthy();
}

/** So many workers, healthy. */
export async function useWorkers(count: number): Promise<void> {
  await shellOrThrow(`${SETTINGS} docker compose up -d --no-deps --wait --scale worker=${count} worker`);
}

/** `make scale`, as a person types it. */
export const scaleWorkers = (count: number) => shellOrThrow(`${SETTINGS} make scale WORKER=${count}`);

export async function smtpCounter(): Promise<string> {
  const { stdout } = await shellOrThrow(`${COMPOSE} ps --all --quiet smtp-counter`);
  return stdout.trim();
}

/** One of those that are at work, not of those that start; undefined while there is none. */
export async function anyWorker(): Promise<string | undefined> {
  const { stdout } = await shellOrThrow(
    `docker ps --quiet --filter health=healthy --filter label=com.docker.compose.project=${project}` +
      ' --filter label=com.docker.compose.service=worker',
  );
  const workers = stdout.split('\n').filter((line) => line !== '');
  return workers[Math.floor(Math.random() * workers.length)];
}

/** All that the SMTP server has seen until now, of all tests. */
export async function seen(): Promise<Seen> {
  const { stdout } = await shellOrThrow(`docker exec ${await smtpCounter()} cat ${SEEN_FILE}`);
  const counts = { taken: new Map<string, number>(), refused: new Map<string, number>() };
  for (const line of stdout.split('\n')) {
    const [verdict, id] = line.split(' ');
    if (id === undefined) continue;
    const count = verdict === 'taken' ? counts.taken : counts.refused;
    count.set(id, (count.get(id) ?? 0) + 1);
  }
  return counts;
}

/** How many messages the SMTP server has had since this watch began. While that server is away, the last number stands. */
export interface Watch {
  count(): number;
  /** Resolves once there are so many; rejects after {@link REACH_LIMIT_SECONDS} without that. */
  reach(wanted: number): Promise<void>;
  stop(): Promise<void>;
}
const REACH_LIMIT_SECONDS = 180;

export async function watchSeen(): Promise<Watch> {
  const container = await smtpCounter();
  const ask = async () => {
    const { exitCode, stdout } = await shell(
      `docker exec ${container} sh -c 'touch ${SEEN_FILE}; wc -l <${SEEN_FILE}'`,
    );
    return exitCode === 0 ? Number(stdout) : undefined;
  };
  const first = (await ask()) ?? 0;
  let last = first;
  let isStopped = false;
  const done = (async () => {
    while (!isStopped) {
      last = (await ask()) ?? last;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  })();
  const count = () => last - first;
  return {
    count,
    async reach(wanted) {
      await eventually(
        async () => count(),
        (messages) => messages >= wanted,
        { seconds: REACH_LIMIT_SECONDS, what: `${wanted} messages at the SMTP server` },
      );
    },
    async stop() {
      isStopped = true;
      await done;
    },
  };
}

/**
 * Asks for a batch of emails until it is accepted, under one Idempotency-Key: an answer that was lost while Postgres
 * restarted is asked for again, and the emails are not. Answers their ids.
 */
export async function accept(emails: readonly NewEmail[], token: string, key: string): Promise<string[]> {
  const body = {
    emails: emails.map((email) => ({
      template: 'notification',
      variables: { name: 'Ada', title: 'News', message: 'It works.' },
      ...email,
    })),
  };
  for (let attempt = 1; ; attempt += 1) {
    const answer = await call('POST', '/api/v1/emails', {
      token,
      body,
      headers: { 'idempotency-key': key },
    }).catch((error: unknown) => ({ status: 503, body: String(error) }));
    if (answer.status === 202) return answer.body.data.ids;
    if (answer.status < 500 || attempt === MOST_ATTEMPTS) {
      throw new Error(`${answer.status} after ${attempt} attempts: ${JSON.stringify(answer.body)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
/** Half a second apart at the least: Postgres is away for ten seconds or so. */
const MOST_ATTEMPTS = 120;

/** The rows of everybody in a domain. */
export async function rowsOf(domain: string): Promise<EmailRow[]> {
  const lines = await sql(
    'postgres',
    `select id, recipient, status, uncertain_at is not null,
       (select count(*) from email.email_attempts where email_send_id = id and outcome in ('uncertain', 'abandoned'))
     from email.email_sends where recipient like '%@${domain}'`,
  );
  return lines.map((line) => {
    const [id = '', recipient = '', status = '', isUncertain, uncertainAttempts] = line.split('|');
    return {
      id,
      recipient,
      status,
      isUncertain: isUncertain === 't',
      uncertainAttempts: Number(uncertainAttempts),
    };
  });
}

/** How many emails of a domain have no end yet; undefined while Postgres is away. */
export async function unfinished(domain: string): Promise<number | undefined> {
  const [count] = await sql(
    'postgres',
    `select count(*) from email.email_sends where recipient like '%@${domain}' and status = 'queued'`,
  ).catch(() => []);
  return count === undefined ? undefined : Number(count);
}
