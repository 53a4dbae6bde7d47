/** Connections whose password is changed while they are being made (`make rotate`). */
import pg from 'pg';

/** Postgres, PgBouncer and the file know a new password one after another, within some tenths of a second. */
const CHANGE_LIMIT_MS = 3_000;
const RETRY_MS = 100;

/** A class of client that asks for its URL when it is made: pg.Pool makes one for each connection. */
export function clientWithUrl(Client: typeof pg.Client, url: () => string): typeof pg.Client {
  return class extends Client {
    constructor(config?: string | pg.ClientConfig) {
      super({ ...(typeof config === 'object' && config), connectionString: url() });
    }
  };
}

/** A pool that tries again for a moment where a password is refused. What else goes wrong is told at once. */
export class PatientPool extends pg.Pool {
  // Its two forms have no common one; pg.Pool's own query() uses the one with a callback.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  override connect(callback?: any): any {
    if (callback === undefined) {
      return new Promise((resolve, reject) =>
        this.connect((error: Error | undefined, client: pg.PoolClient | undefined) =>
          client === undefined ? reject(error) : resolve(client),
        ),
      );
    }
    let giveUpAtMs: number | undefined;
    const attempt = () =>
      super.connect((error, client, release) => {
        if (!isRefusedPassword(error)) return callback(error, client, release);
        giveUpAtMs ??= Date.now() + CHANGE_LIMIT_MS;
        if (Date.now() >= giveUpAtMs) return callback(error, client, release);
        setTimeout(attempt, RETRY_MS);
      });
    attempt();
  }
}

/** "password authentication failed for user …" of Postgres, "SASL authentication failed" of PgBouncer. */
function isRefusedPassword(error: Error | undefined): boolean {
  return error instanceof Error && error.message.includes('authentication failed');
}
