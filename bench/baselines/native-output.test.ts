import { expect, test } from 'vitest';
import { parsePgbench, parseRedisBenchmark } from './native-output.ts';

test('the rate of pgbench is the one without the connections, and a failed transaction is an error', () => {
  const output = [
    'number of transactions actually processed: 121530',
    'number of failed transactions: 0 (0.000%)',
    'latency average = 0.658 ms',
    'initial connection time = 21.3 ms',
    'tps = 24310.536 (without initial connection time)',
  ].join('\n');
  expect(parsePgbench(output)).toBe(24310.536);
  expect(() => parsePgbench(output.replace('transactions: 0', 'transactions: 1'))).toThrow('did not do');
  expect(() => parsePgbench('pgbench: error: connection refused')).toThrow('connection refused');
});

test('the columns of redis-benchmark are found by their heads', () => {
  const output = [
    '"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"',
    '"GET","52631.58","0.256","0.080","0.247","0.407","0.495","0.703"',
  ].join('\n');
  expect(parseRedisBenchmark(output)).toEqual({ perSecond: 52631.58, p95Ms: 0.407 });
  expect(() => parseRedisBenchmark('NOAUTH Authentication required.')).toThrow('NOAUTH');
});
