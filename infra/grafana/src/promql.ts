/** As much of PromQL as is needed to say which series an expression is about, and to ask it outside Grafana. */

const KEYWORDS = new Set(
  'and or unless by without on ignoring group_left group_right offset bool inf nan start end'.split(' '),
);

/** Without strings and `{…}`, in which anything may stand. */
export const withoutMatchers = (expression: string): string =>
  expression.replace(/"(?:\\.|[^"\\])*"/g, '""').replace(/\{[^}]*\}/g, '');

/** The names of the series that an expression asks for. */
export function seriesOf(expression: string): string[] {
  const bare = withoutMatchers(expression)
    .replace(/\[[^\]]*\]/g, ' ')
    // Labels, not series.
    .replace(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ')
    .replace(/\boffset\s+\w+/g, ' ');
  const names = [...bare.matchAll(/(?<![\w:.$])([a-zA-Z_:][\w:]*)\b(?!\s*\()/g)].map(([, name = '']) => name);
  return [...new Set(names)].filter((name) => !KEYWORDS.has(name.toLowerCase()));
}

/** A product of numbers, as `128 * 1024 * 1024`. */
export const constantOf = (product: string): number =>
  product.split('*').reduce((value, factor) => value * Number(factor), 1);

/** What Grafana puts in the place of its variables: everything selected, and these windows. */
const GRAFANA_VARIABLES: Readonly<Record<string, string>> = {
  __range: '15m',
  __rate_interval: '1m',
  __interval: '10s',
};

/** An expression of a panel as Prometheus takes it. */
export const withoutVariables = (expression: string): string =>
  expression.replace(/\$\{?(\w+)(?::\w+)?\}?/g, (_, name: string) => GRAFANA_VARIABLES[name] ?? '.*');
