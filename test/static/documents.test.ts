/** Every command that the documents show is typed by a test, or it is said why not. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { documentedCommands, NOT_TYPED, TRIED_ELSEWHERE, typedCommands } from '../e2e/documents.ts';
import { commandsOf } from '../harness/documented-commands.ts';

describe('a documented command', () => {
  const all = documentedCommands();

  test('is found in the README, on the pages of docs/operations and in the runbooks', () => {
    const pages = new Set(all.map(({ page }) => page));
    expect(pages).toContain('README.md');
    expect(pages.size).toBeGreaterThan(80);
    expect(typedCommands().length).toBeGreaterThan(100);
  });

  test.each(TRIED_ELSEWHERE)(
    'that is tried elsewhere is tried there: $commands',
    ({ commands, file, says }) => {
      expect(all.filter(({ command }) => commands.test(command))).not.toEqual([]);
      expect(readFileSync(file, 'utf8')).toContain(says);
    },
  );

  test.each(NOT_TYPED)('that no test can type is still documented: $commands', ({ commands }) => {
    expect(all.filter(({ command }) => commands.test(command))).not.toEqual([]);
  });
});

describe('the commands of a page', () => {
  const found = (block: string) =>
    commandsOf('page', `Text.\n\n\`\`\`bash\n${block}\n\`\`\`\n\n\`\`\`console\n$ no command\n\`\`\`\n`);

  test('are lines, without what is said about them', () => {
    expect(
      found('# first\nmake up   # all of it\nmake sdk ARGS="a # b"').map(({ command }) => command),
    ).toEqual(['make up', 'make sdk ARGS="a # b"']);
  });

  test('go on after a backslash, a pipe, and in a quote', () => {
    expect(found("a \\\n  b\nc |\n  d\ne '{\n  f}' g").map(({ command }) => command)).toEqual([
      'a \\\n  b',
      'c |\n  d',
      "e '{\n  f}' g",
    ]);
  });

  test('know what the lines before them have set', () => {
    expect(found('KEY=$(cat key)\ncurl "$KEY"')).toEqual([
      { page: 'page', command: 'curl "$KEY"', variables: ['KEY=$(cat key)'] },
    ]);
  });
});
