import { expect, it } from 'vitest';
import { localeChain } from './locale.ts';

it.each([
  ['fr-CA', ['fr-CA', 'fr', 'en']],
  ['fr', ['fr', 'en']],
  ['en', ['en']],
  ['en-GB', ['en-GB', 'en']],
])('%s falls back by way of %j', (locale, chain) => {
  expect(localeChain(locale)).toEqual(chain);
});
