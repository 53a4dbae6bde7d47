/** The stack's own alert rules with windows that a test can wait for: their expressions and thresholds are untouched. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './stack.ts';

/** What `for:` becomes, and the windows that rates look back over: three scrapes. */
const FOR = '10s';
const WINDOW = '30s';
export const SHORT_RULES = join(repository, '.build', 'e2e-rules');

/** Writes them where alert-rules.compose.yml mounts them from. */
export function writeShortRules(): void {
  rmSync(SHORT_RULES, { recursive: true, force: true });
  for (const folder of ['rules', 'optional-rules']) {
    const from = join(repository, 'infra/prometheus', folder);
    mkdirSync(join(SHORT_RULES, folder), { recursive: true });
    for (const file of readdirSync(from)) {
      writeFileSync(join(SHORT_RULES, folder, file), shorten(readFileSync(join(from, file), 'utf8')));
    }
  }
}

/** Names say `5m` and `15m` on; nothing goes by them. Days stay: what is a share of a day is one of what there is. */
export const shorten = (rules: string): string =>
  rules.replaceAll(/\bfor: \d+[smhd]/g, `for: ${FOR}`).replaceAll(/\[(?:\d+)(?:m|h)\]/g, `[${WINDOW}]`);
