/**
 * Runs inside an app's container, so with an address that no other test has: asks nginx one after another from a few
 * lanes, with another forged address each time. Prints how many answers there were of each status.
 */
export interface Flood {
  readonly method: string;
  readonly path: string;
  readonly count: number;
}

/** Stands before this text when it is run. */
declare const flood: Flood;

const LANES = 8;
const counts: Record<string, number> = {};
let sent = 0;

const lane = async () => {
  while (sent < flood.count) {
    sent += 1;
    const forged = `203.0.113.${sent % 256}`;
    const { status } = await fetch(`http://nginx:8080${flood.path}`, {
      method: flood.method,
      headers: {
        'content-type': 'application/json',
        'x-forwarded-for': `${forged}, ${forged}`,
        'x-real-ip': forged,
        forwarded: `for=${forged}`,
      },
      ...(flood.method === 'GET' ? {} : { body: 'no JSON' }),
    });
    counts[status] = (counts[status] ?? 0) + 1;
  }
};
await Promise.all(Array.from({ length: LANES }, lane));
process.stdout.write(JSON.stringify(counts));
