/** The locale that every template exists in. */
export const DEFAULT_LOCALE = 'en';

/** From the locale that was asked for to the one that is always there: `fr-CA` gives fr-CA, fr, en. */
export function localeChain(locale: string): string[] {
  const language = locale.split('-', 1)[0] ?? locale;
  return [...new Set([locale, language, DEFAULT_LOCALE])];
}
