import { text, timestamp } from 'drizzle-orm/pg-core';
import { uuidv7 } from 'uuidv7';

/** Text ids that sort by time (UUIDv7), so that a new row lands at the end of its index. */
export const id = () => text('id').primaryKey().$defaultFn(uuidv7);

/** Milliseconds are what JavaScript's Date keeps; more in the column would make keyset cursors skip rows. */
export const moment = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' });

export const createdAt = () => moment('created_at').notNull().defaultNow();
export const updatedAt = () =>
  moment('updated_at')
    .notNull()
    .defaultNow()
    .$onUpdate(() => new Date());
