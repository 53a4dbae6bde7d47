/**
 * Permissions are texts `action:scope:resource`, such as `read:any:user`. `*` stands for everything in any
 * place; `any` includes `own`. Whatever doesn't parse gives nothing and is never given: checks fail closed.
 */

interface Permission {
  readonly action: string;
  /** `*` is read as `any`: there is nothing beyond one's own and everybody's. */
  readonly scope: 'any' | 'own';
  readonly resource: string;
}

const PATTERN = /^(\*|[a-z][a-z0-9_]*):(\*|any|own):(\*|[a-z][a-z0-9_]*)$/;

function parse(text: string): Permission | undefined {
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  const [, action = '', scope, resource = ''] = match;
  return { action, scope: scope === 'own' ? 'own' : 'any', resource };
}

/** Whether a text is a well-formed permission. */
export function isPermission(text: string): boolean {
  return PATTERN.test(text);
}

/**
 * Whether one of the held permissions includes the required one. The required one may hold `*` itself: that
 * asks for everything in this place, and only `*` gives it.
 */
export function allows(held: readonly string[], required: string): boolean {
  const wanted = parse(required);
  return wanted !== undefined && held.some((text) => includes(parse(text), wanted));
}

/** Whether every one of the required permissions is allowed; of none, nothing is asked and the answer is yes. */
export function allowsEvery(held: readonly string[], required: readonly string[]): boolean {
  return required.every((permission) => allows(held, permission));
}

/**
 * What is left of the held permissions when only what `scopes` also allow counts (an API key's scopes): a
 * permission is allowed by the result exactly if it is allowed by both.
 */
export function narrow(held: readonly string[], scopes: readonly string[]): string[] {
  const narrowed = held.flatMap((a) => scopes.map((b) => intersect(parse(a), parse(b))));
  return [...new Set(narrowed.filter((permission) => permission !== undefined))];
}

function includes(held: Permission | undefined, wanted: Permission): boolean {
  return (
    held !== undefined &&
    (held.action === '*' || held.action === wanted.action) &&
    (held.scope === 'any' || wanted.scope === 'own') &&
    (held.resource === '*' || held.resource === wanted.resource)
  );
}

function intersect(a: Permission | undefined, b: Permission | undefined): string | undefined {
  if (a === undefined || b === undefined) return undefined;
  const action = common(a.action, b.action);
  const resource = common(a.resource, b.resource);
  if (action === undefined || resource === undefined) return undefined;
  return `${action}:${a.scope === 'any' ? b.scope : 'own'}:${resource}`;
}

function common(a: string, b: string): string | undefined {
  if (a === '*') return b;
  return b === '*' || a === b ? a : undefined;
}
