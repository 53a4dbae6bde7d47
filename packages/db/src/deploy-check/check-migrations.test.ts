import { expect, test } from 'vitest';
import { migrationsFolder, migrationsIn } from '../migration-journal.ts';
import { checkMigrations } from './check-migrations.ts';
import { SMALL_TABLE_BYTES } from './statement-rules.ts';

const LARGE = SMALL_TABLE_BYTES + 1;

/** Problems that are found in one file; `auth.big` is large, `auth.users` is not. */
async function problemsOf(sql: string): Promise<string[]> {
  const { refused } = await checkMigrations([{ file: 'm.sql', sql }], {
    bytesOf: (table) => (table === 'auth.big' ? LARGE : 8192),
    hasIndex: (name) => name === 'auth.big_made_before',
  });
  return refused.map(({ problem }) => problem);
}

test.for([
  'alter table auth.users add column nickname text',
  "alter table auth.users add column state text not null default 'new'",
  'alter table auth.big add column seen_at timestamptz not null default now()',
  'alter table auth.users add column number bigserial',
  'alter table auth.users add column g int generated always as (length(name)) stored',
  "alter table auth.users alter column name set default ''",
  'alter table auth.users set (fillfactor = 50)',
  'alter table auth.users validate constraint users_c',
  'create schema crm; create table crm.notes (id text primary key, user_id text references auth.users(id))',
  'create table auth.t (id text); alter table auth.t add column b text not null; alter table auth.t drop column b; create unique index on auth.t (id); drop table auth.t',
  'create index users_name_idx on auth.users (name)',
  'create index if not exists big_made_before on auth.big (name)',
  'alter table auth.users add column org text; alter table auth.users add constraint org_fk foreign key (org) references auth.orgs(id)',
  "alter table auth.users add column org text; alter table auth.users add constraint org_c check (org <> '')",
  'alter table auth.big add column org text; alter table auth.big add constraint org_fk foreign key (org) references auth.orgs(id) not valid',
  'alter table auth.users add column org text; create unique index on auth.users (org)',
  'alter table auth.users add column full_name text; update auth.users set full_name = name',
  "create type auth.kind as enum ('a'); alter type auth.kind add value 'b'",
  'create function auth.f() returns int language sql as $$select 1$$',
  'grant select on auth.users to sv_app; alter default privileges in schema auth grant select on tables to sv_app',
  "insert into permissions.roles (id) values ('x')",
  "set local lock_timeout = '2s'; comment on table auth.users is 'people'",
])('the running version can live with: %s', async (sql) => {
  expect(await problemsOf(sql)).toEqual([]);
});

test.for([
  ['alter table auth.users add column nickname text not null', /NOT NULL without a default/],
  ["alter table auth.users add column code text default 'x' unique", /unique with a default/],
  ['alter table auth.big add column number bigserial', /rewrites auth.big \(64 MiB\)/],
  ['alter table auth.big add column id2 text default gen_random_uuid()', /rewrites auth.big/],
  ['alter table auth.users drop column name', /drops auth.users.name/],
  ['alter table auth.users alter column name type varchar(10)', /type of auth.users.name/],
  ['alter table auth.users alter column image set not null', /forbids NULL in auth.users.image/],
  ['alter table auth.users alter column name drop not null', /allows NULL in auth.users.name/],
  ['alter table auth.users alter column role drop default', /drops the default of auth.users.role/],
  ['alter table auth.users drop constraint users_email_is_lower_case', /drops the constraint/],
  ["alter table auth.users add constraint c check (name <> '') not valid", /may write what it forbids/],
  ['alter table auth.users add constraint u unique (name)', /may write what it forbids/],
  [
    'alter table auth.users add foreign key (role) references permissions.roles(name)',
    /may write what it forbids/,
  ],
  [
    'alter table auth.big add column org text; alter table auth.big add constraint f foreign key (org) references auth.orgs(id)',
    /stops all writes while it reads auth.big/,
  ],
  ['alter table auth.users rename column name to full_name', /renames/],
  ['alter table auth.users rename to people', /renames/],
  ['alter table auth.users set schema crm', /renames/],
  ["alter type email.email_status rename value 'sent' to 'gone'", /renames/],
  ['drop table auth.users', /drops auth.users/],
  ['drop index auth.users_email_key', /drops auth.users_email_key/],
  ['drop function audit.create_partitions(date, integer)', /drops/],
  ['create unique index on auth.users (name)', /unique in a way/],
  ['create index big_idx on auth.big (name)', /stops all writes to auth.big/],
  ['update auth.users set name = lower(name)', /changes values in auth.users/],
  ['alter table auth.big add column x text; update auth.big set x = name', /locks every row of auth.big/],
  ['delete from auth.users', /nothing that this check knows to be harmless \(DeleteStmt\)/],
  ['truncate auth.sessions', /TruncateStmt/],
  ['lock table auth.users', /LockStmt/],
  ['alter table auth.users enable row level security', /AT_EnableRowSecurity/],
  ['revoke select on auth.users from sv_app', /takes a right away/],
  ['alter default privileges in schema auth revoke select on tables from sv_app', /takes a right away/],
  ['create or replace function auth.f() returns int language sql as $$select 1$$', /replaces/],
  ['create or replace view auth.v as select 1', /replaces/],
  [
    'create trigger t before insert on auth.users for each row execute function auth.f()',
    /changes what the running version's writes/,
  ],
  ["do $$ begin execute 'drop table auth.users'; end $$", /cannot see into/],
  ['select audit.create_partitions(now()::date, 4)', /cannot see into/],
  ['drop index concurrently auth.users_email_key', /drops/],
] as const)('refused: %s', async ([sql, problem]) => {
  expect(await problemsOf(sql)).toEqual([expect.stringMatching(problem)]);
});

test('a refusal names the file, the line and the statement, and says what to do instead', async () => {
  const sql =
    '-- Ä in front, as Postgres counts bytes\ncreate table auth.t (id text);\n--> statement-breakpoint\n-- why\nalter table auth.users\n  drop column name;';
  const { refused } = await checkMigrations([{ file: 'packages/db/migrations/0042_x.sql', sql }], {
    bytesOf: () => 0,
    hasIndex: () => false,
  });
  expect(refused).toEqual([
    expect.objectContaining({
      file: 'packages/db/migrations/0042_x.sql',
      line: 5,
      statement: 'alter table auth.users',
      instead: expect.stringContaining('Deploy a version that does without it first'),
    }),
  ]);
});

test('what Postgres cannot read is refused by file and line', async () => {
  expect(
    await checkMigrations([{ file: 'm.sql', sql: 'select 1;\n\nalter tabel x;' }], {
      bytesOf: () => 0,
      hasIndex: () => false,
    }),
  ).toMatchObject({
    refused: [{ file: 'm.sql', line: 3, statement: expect.stringContaining('tabel') }],
  });
});

test.for([
  ['-- deploy: contracting, nothing reads it since 1.4', 0, 1],
  ['-- deploy: harmless, nobody has a name', 0, 0],
  ['-- deploy: contracting', 1, 0],
  ['-- deploy: harmless,', 1, 0],
  ['-- deploy: fine, believe me', 1, 0],
] as const)(
  'a mark needs a reason, and lets one statement through: %s',
  async ([mark, refusals, contracting]) => {
    const live = { bytesOf: () => 0, hasIndex: () => false };
    const marked = `${mark}\nalter table auth.users drop column name;`;
    const check = await checkMigrations([{ file: 'm.sql', sql: marked }], live);
    expect([check.refused.length, check.contracting.length]).toEqual([refusals, contracting]);
    const next = await checkMigrations([{ file: 'm.sql', sql: `${marked}\ndrop table auth.users;` }], live);
    expect(next.refused).toHaveLength(refusals + 1);
  },
);

test('what one pending migration makes may be changed by the next', async () => {
  const files = ['create table auth.t (id text)', 'alter table auth.t add column b text not null'];
  const { refused } = await checkMigrations(
    files.map((sql, index) => ({ file: `${index}.sql`, sql })),
    { bytesOf: () => 0, hasIndex: () => false },
  );
  expect(refused).toEqual([]);
});

test('every migration of this repository can be read', async () => {
  const { refused } = await checkMigrations(migrationsIn(migrationsFolder), {
    bytesOf: () => 0,
    hasIndex: () => false,
  });
  expect(refused.filter(({ problem }) => problem.startsWith("can't be read"))).toEqual([]);
});
