/** One of the servers, in a container beside the stack (compose.yml): `node bench/baselines/main.ts express-pg`. */
import { loadConfigOrExit, withPassword } from '../../packages/config/src/index.ts';
import { createPool } from '../../packages/db/src/pool.ts';
import { createLogger } from '../../packages/telemetry/src/index.ts';
import { type Baseline, baselines } from './servers.ts';

const [name = ''] = process.argv.slice(2);
const create = baselines[name as Baseline];
if (create === undefined) throw new Error(`"${name}" is none of ${Object.keys(baselines).join(', ')}`);
const config = loadConfigOrExit([
  'DATABASE_URL',
  'DB_PASSWORD',
  'DB_POOL_MIN',
  'DB_POOL_MAX',
  'HTTP_LISTEN_PORT',
]);
// The pool that the app has, with the same number of connections.
const pool = createPool({
  name: 'baseline',
  url: withPassword(config.DATABASE_URL, config.DB_PASSWORD),
  min: config.DB_POOL_MIN,
  max: config.DB_POOL_MAX,
  waitMs: 10_000,
  logger: createLogger({ service: 'bench', version: 'bench', level: 'error' }),
});
const server = await create(pool);
server.listen(config.HTTP_LISTEN_PORT);
process.once('SIGTERM', () => process.exit(0));
