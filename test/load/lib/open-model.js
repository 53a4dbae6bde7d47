// What the scenarios at a fixed rate share: whatever the platform does meanwhile, requests go out when they are due, so a
// stall shows as late answers and dropped iterations instead of as less load.

/** The seconds of a duration such as 30s, 5m or 1m30s; `make load` has checked its form. */
export function secondsOf(duration) {
  const units = { h: 3600, m: 60, s: 1 };
  return [...duration.matchAll(/(\d+)([hms])/g)].reduce(
    (seconds, [, count, unit]) => seconds + Number(count) * units[unit],
    0,
  );
}

/** A constant rate. All users are made beforehand, as making them costs CPU too: enough for a stall of `stallSeconds`. */
export function constantRate(ratePerSecond, { startSeconds = 0, seconds, stallSeconds = 0.5, exec }) {
  return {
    executor: 'constant-arrival-rate',
    rate: ratePerSecond,
    timeUnit: '1s',
    startTime: `${startSeconds}s`,
    duration: `${seconds}s`,
    preAllocatedVUs: Math.max(10, Math.ceil(ratePerSecond * stallSeconds)),
    // What is still under way at the end is waited for, and counted.
    gracefulStop: '30s',
    ...(exec !== undefined && { exec }),
  };
}

/** Turned away in the contract's envelope, with word of when to come again: what overload may do, and a crash may not. */
export function isHonest503(res) {
  return (
    res.status === 503 &&
    res.headers['Retry-After'] !== undefined &&
    res.json('error.code') === 'SERVICE_UNAVAILABLE'
  );
}

export const trendStats = ['min', 'med', 'avg', 'p(95)', 'p(99)', 'max'];
