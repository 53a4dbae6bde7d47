import { prettyFactory } from 'pino-pretty';

/** As `docker compose logs` begins a line: the container, and a bar. */
const CONTAINER = /^\S+ +\| /;
/** Line ends and tabs of a stack stay. What a terminal can be steered with doesn't: callers' text is in nginx' lines. */
const CONTROL = /[^\P{Cc}\n\t]/gu;

type Fields = Record<string, unknown>;

/** For people: lines of JSON on one line each, with their level in colour; whatever else comes stays as it is. */
export function createPrettyLog({ hasColour }: { hasColour: boolean }): (line: string) => string {
  const print = prettyFactory({
    colorize: hasColour,
    translateTime: 'UTC:yyyy-mm-dd HH:MM:ss.l',
    singleLine: true,
    // Beside the container's name, and the same in every line of it.
    ignore: 'service,version,pid,hostname',
  });
  return (line) => {
    const container = CONTAINER.exec(line)?.[0] ?? '';
    const fields = fieldsOf(line.slice(container.length));
    if (fields === undefined) return line;
    return print(withRequest(fields))
      .trimEnd()
      .split('\n')
      .map((part) => container + part.trimEnd())
      .join('\n');
  };
}

function fieldsOf(text: string): Fields | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text, (_name, value) =>
      typeof value === 'string' ? value.replaceAll(CONTROL, '\ufffd') : value,
    );
  } catch {
    // Another program's line that only looks like it, or one that Docker has cut.
    return undefined;
  }
}

/** What a request was, of the app's lines and of nginx', goes before everything else. */
function withRequest(fields: Fields): Fields {
  const { method, route, path, status, durationMs, durationSeconds, ...rest } = fields;
  const place = route ?? path;
  if (typeof place !== 'string' || typeof status !== 'number') return fields;
  const duration = typeof durationSeconds === 'number' ? Math.round(durationSeconds * 1000) : durationMs;
  return {
    ...rest,
    level: rest['level'] ?? (status >= 500 ? 'error' : 'info'),
    msg: `${method} ${place} ${status} ${duration} ms`,
  };
}
