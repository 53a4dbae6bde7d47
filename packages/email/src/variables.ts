/** What the platform itself puts in, by kind; no caller needs to, and none can put in another. */
export const PLATFORM_VARIABLES = {
  transactional: [],
  marketing: ['unsubscribeUrl'],
} as const satisfies Record<'transactional' | 'marketing', readonly string[]>;

/** The first declared name that has no value; null and undefined are no values, an empty text is one. */
export function firstMissingVariable(
  declared: readonly string[],
  variables: Readonly<Record<string, unknown>>,
): string | undefined {
  return declared.find(
    (name) => !Object.hasOwn(variables, name) || (variables[name] ?? undefined) === undefined,
  );
}
