/** So many clients of PgBouncer (`CLIENTS`). They say nothing, so it sends each away after 15 s, and it comes again. */
import { connect } from 'node:net';

function knock(): void {
  connect(6432, 'pgbouncer')
    .on('error', () => {})
    .on('close', () => setTimeout(knock, 50))
    // It is told why it is sent away; unread, that would keep its end from being seen.
    .resume();
}

for (let client = 0; client < Number(process.env['CLIENTS']); client += 1) knock();
