import pg from 'pg';

/** Told of each statement that has ended, well or not. */
export type ObserveStatement = (statement: string, seconds: number) => void;

/** Far more than there are. What a text that is made of values would add is counted together. */
const MOST_SHAPES = 500;
export const OTHER = 'other';

/**
 * A class of client that times its statements, from the call to the last row: the wait for a connection isn't in it.
 * Done here and not in drizzle, as better-auth's and the platform's own statements go through it, too.
 */
export function measuredClient(observe: ObserveStatement): typeof pg.Client {
  const nameOf = createStatementNames();
  return class MeasuredClient extends pg.Client {
    // pg.Pool calls it with a callback, everybody else waits for the promise; its overloads have no common form.
    // biome-ignore lint/suspicious/noExplicitAny: see above
    override query(...given: any[]): any {
      const startedAtMs = performance.now();
      const ended = () => observe(nameOf(given[0]), (performance.now() - startedAtMs) / 1000);
      const callback = given.at(-1);
      if (typeof callback === 'function') {
        given[given.length - 1] = (...answer: unknown[]) => {
          ended();
          callback(...answer);
        };
        return super.query(...(given as Parameters<pg.Client['query']>));
      }
      const answer: unknown = super.query(...(given as Parameters<pg.Client['query']>));
      if (answer instanceof Promise) answer.then(ended, ended);
      return answer;
    }
  };
}

/** The name of a statement: its own where it is prepared under one, else its verb and its first table. */
export function createStatementNames(): (statement: string | Partial<pg.QueryConfig>) => string {
  const known = new Map<string, string>();
  return (statement) => {
    if (typeof statement !== 'string' && statement.name) return statement.name;
    const text = typeof statement === 'string' ? statement : (statement.text ?? '');
    const found = known.get(text);
    if (found !== undefined) return found;
    if (known.size >= MOST_SHAPES) return OTHER;
    const name = describeStatement(text);
    known.set(text, name);
    return name;
  };
}

/** `select auth.users`, `begin`: what a text does, and to which table first. */
export function describeStatement(text: string): string {
  const verb = /^[\s(]*([a-z]+)/i.exec(text)?.[1]?.toLowerCase();
  if (verb === undefined) return OTHER;
  if (!['select', 'insert', 'update', 'delete', 'with'].includes(verb)) return verb;
  const table = /\b(?:from|into|update)\s+((?:"[^"]+"|\w+)(?:\s*\.\s*(?:"[^"]+"|\w+))?)/i.exec(text)?.[1];
  return table === undefined ? verb : `${verb} ${table.replaceAll(/["\s]/g, '')}`;
}
