import {
  deleteUser,
  endSessions,
  hashPassword,
  insertUser,
  setPassword,
  type UserRow,
  userEmail,
  userName,
} from '@sv-sdk/auth';
import { roles, users } from '@sv-sdk/db';
import { isLastSuperAdmin } from '@sv-sdk/permissions';
import { type Command, InvalidArgumentError } from 'commander';
import { and, count as countRows, desc, eq, isNull, like, or, sql } from 'drizzle-orm';
import type { z } from 'zod';
import { wholeNumber } from '../options.ts';
import { columns, print, shorten, table } from '../output.ts';
import { newPassword } from '../passwords.ts';
import { recordCommand, withDatabase } from '../platform.ts';
import { count } from '../progress.ts';
import { confirm } from '../prompt.ts';
import { findUser, lockUser } from '../users.ts';

const MAX_PAGE_SIZE = 1_000;
/** What is left of 100 columns beside role, state, day and the gaps. Ids, which programs need, are in the JSON. */
const EMAIL_COLUMNS = 60;
const ROLE_COLUMNS = 12;

interface JsonOption {
  readonly json?: boolean;
}

export function addAuthCommands(program: Command): void {
  const auth = program.command('auth').description('users');
  auth
    .command('list')
    .description('users, newest first')
    .option('--search <text>', 'whose address or name begins so')
    .option('--role <name>', 'with this main role')
    .option('--inactive', 'only who may not sign in')
    .option('--page <n>', 'which page', wholeNumber(1, 1_000_000), 1)
    .option('--page-size <n>', `users on a page, at most ${MAX_PAGE_SIZE}`, wholeNumber(1, MAX_PAGE_SIZE), 20)
    .option('--json', 'print JSON')
    .action(listUsers);
  auth
    .command('create')
    .description('makes a user, and asks for the password')
    .requiredOption('--email <address>', 'the address, with which the user signs in', field(userEmail))
    .requiredOption('--name <name>', 'how the user is called', field(userName))
    .option('--role <name>', 'the main role', 'user')
    .option('--password-stdin', 'read the password from standard input')
    .option('--generate', 'make a password and print it, once')
    .option('--unverified', 'the user has yet to prove the address by mail')
    .option('--json', 'print JSON')
    .action(createUser);
  auth
    .command('set-password')
    .description('gives a user a new password, and ends all sessions of the user')
    .argument('<user>', 'address or id')
    .option('--password-stdin', 'read the password from standard input')
    .option('--generate', 'make a password and print it, once')
    .option('--json', 'print JSON')
    .action(setPasswordOfUser);
  auth
    .command('delete')
    .description('deletes a user and ends all sessions and API keys; asks first')
    .argument('<user>', 'address or id')
    .option('--yes', 'do not ask')
    .option('--json', 'print JSON')
    .action(deleteNamedUser);
}

async function listUsers(
  options: JsonOption & {
    search?: string;
    role?: string;
    inactive?: boolean;
    page: number;
    pageSize: number;
  },
): Promise<void> {
  const { page, pageSize } = options;
  const wanted = and(
    isNull(users.deletedAt),
    options.role === undefined ? undefined : eq(users.role, options.role),
    options.inactive ? eq(users.isActive, false) : undefined,
    options.search === undefined ? undefined : beginsWith(options.search),
  );
  const { rows, totalCount } = await withDatabase(async (db) => {
    const [found, [total]] = await Promise.all([
      db
        .write()
        .select()
        .from(users)
        .where(wanted)
        .orderBy(desc(users.createdAt), desc(users.id))
        .limit(pageSize)
        .offset((page - 1) * pageSize),
      db.write().select({ users: countRows() }).from(users).where(wanted),
    ]);
    return { rows: found, totalCount: total?.users ?? 0 };
  });
  const totalPages = Math.ceil(totalCount / pageSize);
  print(
    {
      text: `${columns(['address', 'role', 'state', 'since'], rows.map(cellsOf))}\n${describePage({ page, totalPages, totalCount })}`,
      json: { ok: true, users: rows.map(view), page, pageSize, totalPages, totalCount },
    },
    options.json ?? false,
  );
}

function beginsWith(search: string) {
  const pattern = `${search.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
  return or(like(users.email, pattern), like(sql`lower(${users.name})`, pattern));
}

function cellsOf(user: UserRow): string[] {
  return [
    shorten(user.email, EMAIL_COLUMNS),
    shorten(user.role, ROLE_COLUMNS),
    stateOf(user),
    user.createdAt.toISOString().slice(0, 10),
  ];
}

function stateOf(user: UserRow): string {
  if (!user.isActive) return 'inactive';
  return user.emailVerified ? 'active' : 'unverified';
}

function describePage(at: { page: number; totalPages: number; totalCount: number }): string {
  const users = at.totalCount === 1 ? '1 user' : `${count(at.totalCount)} users`;
  return at.totalPages > 1 ? `${users}, page ${at.page} of ${count(at.totalPages)}` : users;
}

async function createUser(
  options: JsonOption & {
    email: string;
    name: string;
    role: string;
    passwordStdin?: boolean;
    generate?: boolean;
    unverified?: boolean;
  },
): Promise<void> {
  const { email, name, role } = options;
  const password = await newPassword(options);
  const passwordHash = await hashPassword(password);
  const user = await withDatabase((db) =>
    db.withTx(async (tx) => {
      const [found] = await tx.select({ id: roles.id }).from(roles).where(eq(roles.name, role)).for('share');
      if (found === undefined) throw new Error(`--role: there is no role ${role}`);
      const inserted = await insertUser(tx, {
        email,
        name,
        role,
        passwordHash,
        emailVerified: !options.unverified,
        grantedBy: null,
      });
      if (inserted === undefined) throw new Error(`--email: ${email} is taken`);
      await recordCommand(tx, 'auth create', {
        eventType: 'user.created',
        metadata: {
          targetUserId: inserted.id,
          email: inserted.email,
          emailVerified: inserted.emailVerified,
          role,
        },
      });
      return inserted;
    }),
  );
  print(
    {
      text: table([
        ['id', user.id],
        ['address', user.email],
        ['role', user.role],
        ...(options.generate ? [['password', `${password}  (shown only now)`] as const] : []),
      ]),
      json: { ok: true, user: view(user), ...(options.generate && { password }) },
    },
    options.json ?? false,
  );
}

async function deleteNamedUser(named: string, options: JsonOption & { yes?: boolean }): Promise<void> {
  const isDeleted = await withDatabase(async (db) => {
    const { id, email } = await findUser(db.write(), named);
    if (!(await confirm(`Delete ${email} (${id})?`, { isSure: options.yes ?? false }))) return undefined;
    return db.withTx(async (tx) => {
      const user = await lockUser(tx, id);
      if (await isLastSuperAdmin(tx, user.id)) {
        throw new Error(`${user.email} is the last active super_admin; make another one first`);
      }
      const ended = await deleteUser(tx, user.id);
      await recordCommand(tx, 'auth delete', {
        eventType: 'user.deleted',
        metadata: { targetUserId: user.id, ...ended },
      });
      return { id: user.id, email: user.email, ...ended };
    });
  });
  if (isDeleted === undefined) throw new Error('nothing was changed');
  print(
    {
      text: `Deleted ${isDeleted.email}; sessions ended: ${isDeleted.endedSessions}, API keys revoked: ${isDeleted.revokedApiKeys}.`,
      json: { ok: true, ...isDeleted },
    },
    options.json ?? false,
  );
}

async function setPasswordOfUser(
  addressOrId: string,
  options: JsonOption & { generate?: boolean; passwordStdin?: boolean },
): Promise<void> {
  const password = await newPassword(options);
  const passwordHash = await hashPassword(password);
  const changed = await withDatabase((db) =>
    db.withTx(async (tx) => {
      const user = await lockUser(tx, addressOrId);
      await setPassword(tx, user.id, passwordHash);
      const endedSessions = await endSessions(tx, user.id);
      await recordCommand(tx, 'auth set-password', {
        eventType: 'user.password_changed',
        metadata: { targetUserId: user.id, endedSessions },
      });
      return { id: user.id, email: user.email, endedSessions };
    }),
  );
  const printed = options.generate ? ` The password is ${password}` : '';
  print(
    {
      text: `${changed.email} has a new password; sessions ended: ${changed.endedSessions}.${printed}`,
      json: { ok: true, ...changed, ...(options.generate && { password }) },
    },
    options.json ?? false,
  );
}

/** What programs read of a user: what the API shows. */
function view(user: UserRow) {
  const { id, email, emailVerified, name, role, isActive, lastLoginAt, createdAt } = user;
  return { id, email, emailVerified, name, role, isActive, lastLoginAt, createdAt };
}

/** The value of an option as a schema has it; commander names the option. */
function field(schema: z.ZodType<string>): (text: string) => string {
  return (text) => {
    const result = schema.safeParse(text);
    if (result.success) return result.data;
    throw new InvalidArgumentError(`${result.error.issues[0]?.message ?? 'It is wrong'}.`);
  };
}
