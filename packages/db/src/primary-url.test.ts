import { expect, test } from 'vitest';
import { primaryUrl, splitHosts } from './primary-url.ts';

test('a URL with several hosts becomes one a host, each with its own port or 5432', () => {
  expect(
    splitHosts('postgres://sv_owner:p%40ss@one,two:6543/sv?target_session_attrs=read-write&sslmode=require'),
  ).toEqual([
    'postgres://sv_owner:p%40ss@one/sv?sslmode=require',
    'postgres://sv_owner:p%40ss@two:6543/sv?sslmode=require',
  ]);
});

test('a URL with one host is left as it is, and nobody is asked', async () => {
  const url = 'postgres://sv_owner@nowhere.invalid:5432/sv?target_session_attrs=any';
  expect(await primaryUrl(url)).toBe(url);
});

test('where no server takes writes, each is named with what it said', async () => {
  await expect(
    primaryUrl('postgres://sv_owner@127.0.0.1,127.0.0.1:1/sv', { waitSeconds: 0 }),
  ).rejects.toThrow(/no server took writes within 0 s: 127\.0\.0\.1.*; 127\.0\.0\.1:1: .*ECONNREFUSED/);
});
