/** The commands that a page shows: what stands in its ```bash blocks, one shell command each. */
export interface DocumentedCommand {
  readonly page: string;
  /** As it stands, without the comment after it. */
  readonly command: string;
  /** What the lines of its block before it have set: `TOKEN=$(…)`. */
  readonly variables: readonly string[];
}

/** `text`: the page's Markdown. */
export function commandsOf(page: string, text: string): DocumentedCommand[] {
  return [...text.matchAll(/^```bash\n(.*?)^```$/gms)].flatMap(([, block = '']) => {
    const variables: string[] = [];
    const found: DocumentedCommand[] = [];
    for (const command of splitCommands(block)) {
      if (isAssignment(command)) variables.push(command);
      else found.push({ page, command, variables: [...variables] });
    }
    return found;
  });
}

const isAssignment = (command: string) => /^[A-Z_]+=(?:\$\(.*\)|\S*)$/s.test(command);

/** A command ends with its line, unless a backslash, a pipe or an open quote leads on to the next. */
function splitCommands(block: string): string[] {
  const commands: string[] = [];
  let open = '';
  for (const line of block.split('\n')) {
    const text = open === '' ? line : `${open}\n${line}`;
    open = '';
    if (/[\\|]$/.test(text) || isQuoteOpen(text)) open = text;
    else commands.push(withoutComment(text).trim());
  }
  if (open !== '') throw new Error(`a command has no end: ${open}`);
  return commands.filter((command) => command !== '' && !command.startsWith('#'));
}

/** Outside of quotes a `#` after a space begins a comment. */
function withoutComment(text: string): string {
  const [kept = ''] = /^(?:[^'"#]|'[^']*'|"(?:\\.|[^"\\])*"|(?<=\S)#)*/s.exec(text) ?? [];
  return kept;
}

function isQuoteOpen(text: string): boolean {
  const rest = withoutComment(text);
  // What the pattern could not take in is a quote that has no end.
  return rest.length < text.length && /^['"]/.test(text.slice(rest.length));
}
