import { describe, expect, test } from 'vitest';
import { parseRedisUrl } from './url.ts';

describe('the URL', () => {
  test('of one server', () => {
    expect(parseRedisUrl('redis://redis/0')).toEqual({
      isCluster: false,
      isTls: false,
      username: undefined,
      password: undefined,
      host: 'redis',
      port: 6379,
    });
  });

  test('of a cluster, which may have a login with reserved characters', () => {
    expect(parseRedisUrl('redis-cluster://ada:p%40ss%2F@[::1]:7000/')).toEqual({
      isCluster: true,
      isTls: false,
      username: 'ada',
      password: 'p@ss/',
      host: '::1',
      port: 7000,
    });
  });

  test('with TLS has an s, of a cluster as well', () => {
    expect(parseRedisUrl('rediss://cache.example')).toMatchObject({ isCluster: false, isTls: true });
    expect(parseRedisUrl('rediss-cluster://cache.example')).toMatchObject({ isCluster: true, isTls: true });
  });

  test.each([
    'redis',
    'redis:6379',
    'http://redis:6379',
    'cluster://redis:6379',
    'redis-cluster://',
    'redis-cluster://one:6379,two:6379',
    'redis-cluster://one:99999',
    'redis-cluster://one:6379/1',
  ])('%s is none', (url) => {
    expect(parseRedisUrl(url)).toBeUndefined();
  });
});
