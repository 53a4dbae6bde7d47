/**
 * What `sdk db seed` writes. A set is named by its kind, seed and number of rows; each of its rows is a function of
 * these, its index and the day until which the set reaches, so that a set can be made again on another machine.
 */
import { pick, streamOf, uuidAt, wordAt } from './random.ts';

export interface SetName {
  readonly seed: number;
  readonly count: number;
  /** The end of the time over which the rows are spread, in milliseconds since 1970. */
  readonly untilMs: number;
}

const DAY_MS = 86_400_000;
/** Users have come over two years; the audit log and the emails are of the last half a year. */
export const USERS_SPAN_MS = 730 * DAY_MS;
export const AUDIT_SPAN_MS = 180 * DAY_MS;
export const EMAILS_SPAN_MS = 180 * DAY_MS;

/** `.invalid` is reserved (RFC 2606): no mail can ever arrive there. */
const DOMAIN = 'seed.invalid';

const FIRST_NAMES =
  `Ada Alan Alma Amir André Anna Aya Ben Bruno Carla Chen Chloe Clara Dana David Dev Diego Elena Elias Emma Enzo Eva
Farah Felix Fiona Gita Grace Hana Hugo Ida Igor Ines Iris Ivan Jan Jana José Jules Kai Karim Katja Kofi Lara Lea Leo Lina
Luca Maja Marco Maria Mei Mila Nadia Nina Noah Olga Omar Oskar Paula Pia Rafael Rosa Sami Sara Theo Tom Uma Vera Yara Zoë`.split(
    /\s+/,
  );
const LAST_NAMES =
  `Abbas Adams Ahmed Almeida Andersen Bauer Becker Berg Bianchi Brown Carter Castro Chen Costa Cruz Dahl Davies Diaz
Dubois Evans Ferrari Fischer Garcia Gomez Gupta Haas Hansen Hill Hoffmann Huang Ivanova Jansen Jensen Johnson Jones Kaya Keller
Khan Kim King Klein Kovacs Kumar Lang Larsen Lee Lehmann Lewis Lima Lopez Marino Martin Meyer Miller Moore Moreau Morel Müller
Nguyen Nilsen Novak Okafor Olsen Ortiz Park Patel Petrov Popescu Ramos Rao Reyes Ricci Rossi Roux Russo Santos Sato Schmidt Silva
Singh Smith Suzuki Tanaka Taylor Turner Vargas Vogel Wagner Walker Wang Weber White Wilson Wolf Wright Yilmaz Young Zhang`.split(
    /\s+/,
  );
/** For addresses: without accents. */
const plain = (names: readonly string[]) =>
  names.map((name) => name.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase());
const FIRST_PARTS = plain(FIRST_NAMES);
const LAST_PARTS = plain(LAST_NAMES);

/** Of a hundred users five are managers. Nobody who is made up may do more. */
const MANAGERS_PERCENT = 5;

export interface SeededUser {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: 'user' | 'manager';
  readonly isVerified: boolean;
  readonly isActive: boolean;
  readonly createdAtMs: number;
}

/** Users of a set, by their index. */
export function userSet({ seed, count, untilMs }: SetName): (index: number) => SeededUser {
  const stream = streamOf(`users ${seed} ${count}`);
  const timeOf = spread(stream, { count, untilMs, spanMs: USERS_SPAN_MS });
  const host = `s${seed}-${count}.${DOMAIN}`;
  return (index) => {
    const createdAtMs = timeOf(index);
    const first = wordAt(stream, index, 4) % FIRST_NAMES.length;
    const last = wordAt(stream, index, 5) % LAST_NAMES.length;
    const chance = wordAt(stream, index, 6);
    return {
      id: uuidAt(stream, index, createdAtMs),
      // The index makes it unique.
      email: `${FIRST_PARTS[first]}.${LAST_PARTS[last]}.${index.toString(36)}@${host}`,
      name: `${FIRST_NAMES[first]} ${LAST_NAMES[last]}`,
      role: chance % 100 < MANAGERS_PERCENT ? 'manager' : 'user',
      isVerified: (chance >>> 8) % 10 !== 0,
      isActive: (chance >>> 16) % 50 !== 0,
      createdAtMs,
    };
  };
}

/** A row of COPY: tab, newline, backslash and \N are its own signs, and none of our texts holds one. */
const row = (...fields: readonly string[]) => `${fields.join('\t')}\n`;
const at = (timeMs: number) => new Date(timeMs).toISOString();

export interface CopyTarget {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rowOf: (index: number) => string;
  /** Sent in blocks of so many rows, each block sorted by the row's text. */
  readonly blockRows?: number;
}

/**
 * Users are sent sorted by address within 65,536 of them: the indexes by address and by name are then filled in
 * order, from 20,600 to 29,600 users a second where these indexes outgrow the shared buffers. More rows at once
 * bring less, as their order by time is lost.
 */
const USER_BLOCK_ROWS = 65_536;

export function copyUsers(name: SetName): CopyTarget {
  const userOf = userSet(name);
  return {
    table: 'auth.users',
    columns: ['email', 'id', 'email_verified', 'name', 'role', 'is_active', 'created_at', 'updated_at'],
    blockRows: USER_BLOCK_ROWS,
    rowOf: (index) => {
      const user = userOf(index);
      const time = at(user.createdAtMs);
      return row(
        user.email,
        user.id,
        user.isVerified ? 't' : 'f',
        user.name,
        user.role,
        user.isActive ? 't' : 'f',
        time,
        time,
      );
    },
  };
}

/** What the users of the set may do: the role that each shows, granted by the platform. */
export function copyGrants(name: SetName, roleIds: Readonly<Record<SeededUser['role'], string>>): CopyTarget {
  const userOf = userSet(name);
  return {
    table: 'permissions.user_roles',
    columns: ['user_id', 'role_id', 'granted_at'],
    rowOf: (index) => {
      const user = userOf(index);
      return row(user.id, roleIds[user.role], at(user.createdAtMs));
    },
  };
}

/** Half of what happens are sign-ins. */
const EVENT_TYPES = [
  'auth.login',
  'auth.login',
  'auth.login',
  'auth.login',
  'auth.login',
  'auth.logout',
  'auth.login.refused',
  'user.updated',
  'api_key.created',
  'role.granted',
] as const;
const TARGETED = new Set<string>(['user.updated', 'role.granted']);
/** Addresses for documentation (RFC 5737). */
const ADDRESSES = ['192.0.2.', '198.51.100.', '203.0.113.'] as const;

/** The audit rows of `actors`; none is sealed. Each says where it comes from, so that nobody takes it for evidence. */
export function copyAudit(name: SetName, actors: SetName): CopyTarget {
  const stream = streamOf(`audit ${name.seed} ${name.count}`);
  const timeOf = spread(stream, { ...name, spanMs: AUDIT_SPAN_MS });
  const userOf = userSet(actors);
  return {
    table: 'audit.audit_logs',
    columns: ['id', 'created_at', 'event_type', 'user_id', 'ip_address', 'metadata', 'pii_masked'],
    rowOf: (index) => {
      const timeMs = timeOf(index);
      const eventType = pick(EVENT_TYPES, wordAt(stream, index, 4));
      const word = wordAt(stream, index, 5);
      const userId = userOf(wordAt(stream, index, 6) % actors.count).id;
      const target = TARGETED.has(eventType) ? `,"targetUserId":"${userId}"` : '';
      return row(
        uuidAt(stream, index, timeMs),
        at(timeMs),
        eventType,
        userId,
        `${pick(ADDRESSES, word)}${(word >>> 8) % 254}`,
        `{"by":"sdk db seed","seed":${name.seed}${target}}`,
        't',
      );
    },
  };
}

const TEMPLATES = ['verification_email', 'password_reset', 'invite', 'notification', 'marketing'] as const;
const BOUNCED_PERCENT = 3;
const FAILED_PERCENT = 2;
const SENT_PERCENT = 10;
const NULL = '\\N';

/** Emails to `recipients` that have met their end: none is queued, so that no relay and no sweeper takes one. */
export function copyEmails(name: SetName, recipients: SetName): CopyTarget {
  const stream = streamOf(`emails ${name.seed} ${name.count}`);
  const timeOf = spread(stream, { ...name, spanMs: EMAILS_SPAN_MS });
  const userOf = userSet(recipients);
  return {
    table: 'email.email_sends',
    columns: [
      ...['id', 'recipient', 'template', 'variables', 'priority', 'status', 'attempts', 'provider'],
      ...['message_id', 'error_message', 'created_at', 'updated_at'],
      ...['sent_at', 'delivered_at', 'bounced_at', 'failed_at'],
    ],
    rowOf: (index) => {
      const timeMs = timeOf(index);
      const chance = wordAt(stream, index, 4) % 100;
      const status = statusOf(chance);
      const delayMs = wordAt(stream, index, 5) % 2_000;
      const sentAt = at(timeMs + delayMs);
      // Within the second after the last attempt.
      const endedAt = at(timeMs + delayMs + (wordAt(stream, index, 6) % 1_000));
      const isSent = status !== 'failed';
      return row(
        uuidAt(stream, index, timeMs),
        userOf(wordAt(stream, index, 7) % recipients.count).email,
        pick(TEMPLATES, wordAt(stream, index, 8)),
        '{}',
        '5',
        status,
        isSent ? '1' : '3',
        'smtp',
        isSent ? `<${index.toString(36)}.s${name.seed}-${name.count}@${DOMAIN}>` : NULL,
        isSent ? NULL : 'made up by sdk db seed',
        at(timeMs),
        endedAt,
        isSent ? sentAt : NULL,
        status === 'delivered' ? endedAt : NULL,
        status === 'bounced' ? endedAt : NULL,
        status === 'failed' ? endedAt : NULL,
      );
    },
  };
}

function statusOf(chance: number): 'bounced' | 'failed' | 'sent' | 'delivered' {
  if (chance < BOUNCED_PERCENT) return 'bounced';
  if (chance < BOUNCED_PERCENT + FAILED_PERCENT) return 'failed';
  return chance < BOUNCED_PERCENT + FAILED_PERCENT + SENT_PERCENT ? 'sent' : 'delivered';
}

/**
 * The time of each row: in the order of the rows, evenly over the span, each somewhere in its own part of it. In
 * order, so that new keys land at the end of their indexes, as they do on a platform that lives.
 */
function spread(
  stream: number,
  { count, untilMs, spanMs }: { count: number; untilMs: number; spanMs: number },
): (index: number) => number {
  const stepMs = spanMs / count;
  const fromMs = untilMs - spanMs;
  return (index) => fromMs + Math.floor((index + wordAt(stream, index, 0) / 2 ** 32) * stepMs);
}
