/** The locale that the platform's own templates exist in. */
export const DEFAULT_LOCALE = 'en';

/** A language tag as everybody writes it: `fr-ca` gives fr-CA. Undefined: it is none. */
export function canonicalLocale(tag: string): string | undefined {
  try {
    return Intl.getCanonicalLocales(tag)[0];
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/**
 * From the locale that was asked for to the one that is always there, by leaving out the last part (RFC 4647, 3.4):
 * `zh-Hant-TW` gives zh-Hant-TW, zh-Hant, zh, en.
 */
export function localeChain(locale: string): string[] {
  const parts = (canonicalLocale(locale) ?? locale).split('-');
  return [
    ...new Set([...parts.map((_, index) => parts.slice(0, parts.length - index).join('-')), DEFAULT_LOCALE]),
  ];
}
