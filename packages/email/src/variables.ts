/** The first declared name that has no value; null and undefined are no values, an empty text is one. */
export function firstMissingVariable(
  declared: readonly string[],
  variables: Readonly<Record<string, unknown>>,
): string | undefined {
  return declared.find(
    (name) => !Object.hasOwn(variables, name) || (variables[name] ?? undefined) === undefined,
  );
}
