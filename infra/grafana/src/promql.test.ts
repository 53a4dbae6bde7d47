import { expect, test } from 'vitest';
import { constantOf, seriesOf, withoutVariables } from './promql.ts';

test.for<[string, string[]]>([
  ['up', ['up']],
  ['job:sv_queue_depth:max{job="worker"} > 5', ['job:sv_queue_depth:max']],
  ['sum by (job, le) (rate(a_bucket{route!~"/health/.+"}[5m])) / on (job) b', ['a_bucket', 'b']],
  ['count(up{x="{a} or b"} == 0 or pg_up == 0) or vector(0)', ['up', 'pg_up']],
  ['a unless a offset 1m', ['a']],
  ['rate(a{instance=~"$instance"}[$__rate_interval]) and on (job) b == bool 0', ['a', 'b']],
  ['time() - max(a_timestamp_seconds) > 35 * 24 * 3600', ['a_timestamp_seconds']],
])('the series of %s', ([expression, series]) => {
  expect(seriesOf(expression)).toEqual(series);
});

test('a product of numbers', () => {
  expect(constantOf('35 * 24 * 3600')).toBe(3_024_000);
  expect(constantOf('0.05')).toBe(0.05);
});

test('an expression as Prometheus takes it', () => {
  expect(withoutVariables('rate(a{instance=~"$instance"}[$__rate_interval]) / b{c="$__range"}')).toBe(
    'rate(a{instance=~".*"}[1m]) / b{c="15m"}',
  );
});
