import type { Page } from '../page.ts';
import { api } from './api.ts';
import { database } from './database.ts';
import { email } from './email.ts';
import { host } from './host.ts';
import { overview } from './overview.ts';
import { pgbouncer } from './pgbouncer.ts';
import { redis } from './redis.ts';
import { slo } from './slo.ts';

export const pages: readonly Page[] = [overview, slo, api, database, pgbouncer, redis, email, host];
