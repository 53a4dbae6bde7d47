import { expect, it } from 'vitest';
import { canonicalLocale, localeChain } from './locale.ts';

it.each([
  ['fr-CA', ['fr-CA', 'fr', 'en']],
  ['fr-ca', ['fr-CA', 'fr', 'en']],
  ['zh-hant-tw', ['zh-Hant-TW', 'zh-Hant', 'zh', 'en']],
  ['fr', ['fr', 'en']],
  ['en', ['en']],
  ['en-GB', ['en-GB', 'en']],
])('%s falls back by way of %j', (locale, chain) => {
  expect(localeChain(locale)).toEqual(chain);
});

it.each(['', 'e', 'en_GB', 'en-', 'english language', 'fr-CA-CA-x'])('%j is no language tag', (tag) => {
  expect(canonicalLocale(tag)).toBeUndefined();
});
