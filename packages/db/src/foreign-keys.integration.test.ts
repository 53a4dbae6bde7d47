import pg from 'pg';
import { expect, test } from 'vitest';
import { createTestDatabase } from './testing/index.ts';

/**
 * Led by the key's columns, in whatever order; one that leaves out rows only if those refer to nothing. Without it every
 * change of the row that is referred to reads the whole table.
 */
const WITHOUT_INDEX = `
  select conrelid::regclass || '.' || conname as name
  from pg_constraint
  where contype = 'f' and connamespace::regnamespace::text in ('auth', 'permissions', 'email', 'audit')
    and not exists (
      select from pg_index
      where indrelid = conrelid and indisvalid
        and (select array_agg(column_number order by column_number)
             from unnest((indkey::int2[])[0:cardinality(conkey) - 1]) as column_number)
          = (select array_agg(column_number order by column_number) from unnest(conkey) as column_number)
        and (indpred is null
             or (cardinality(conkey) = 1 and pg_get_expr(indpred, indrelid) = format('(%I IS NOT NULL)',
               (select attname from pg_attribute where attrelid = conrelid and attnum = conkey[1]))))
    )
  order by 1`;

test('every foreign key has an index', async () => {
  const database = await createTestDatabase();
  const admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  try {
    expect((await admin.query(WITHOUT_INDEX)).rows).toEqual([]);
    // The same question finds one that has none, and is not content with an index that only mentions the column.
    await admin.query(`create table email.notes (id text primary key, kind text, user_id text references auth.users (id));
      create index on email.notes (kind, user_id); create index on email.notes (user_id) where kind = 'a'`);
    expect((await admin.query(WITHOUT_INDEX)).rows).toEqual([{ name: 'email.notes.notes_user_id_fkey' }]);
    await admin.query('create index on email.notes (user_id) where user_id is not null');
    expect((await admin.query(WITHOUT_INDEX)).rows).toEqual([]);
  } finally {
    await admin.end();
    await database.drop();
  }
});
