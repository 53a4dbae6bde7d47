/** Which of the documented commands documents.e2e.test.ts types as they stand: all but these. */
import { globSync, readFileSync } from 'node:fs';
import { commandsOf, type DocumentedCommand } from '../harness/documented-commands.ts';

/** Every command of the README, of docs/operations and of the runbooks, in their order. */
export function documentedCommands(): DocumentedCommand[] {
  const pages = ['README.md', ...globSync('docs/{operations,runbooks}/*.md').toSorted()];
  return pages.flatMap((page) => commandsOf(page, readFileSync(page, 'utf8')));
}

/** Tried by other tests, in ways that take a stack of their own, traffic, or time; `says` stands in the file. */
export const TRIED_ELSEWHERE: readonly { commands: RegExp; file: string; says: string }[] = [
  { commands: /^make up$/, file: 'test/e2e/stack.ts', says: "run('make', ['up']" },
  { commands: /^COMPOSE_PROJECT_NAME=second .* make up$/s, file: 'test/e2e/own-stack.ts', says: 'make up' },
  {
    commands: /^make up ENV=production /,
    file: 'test/e2e/production.e2e.test.ts',
    says: 'make up ENV=production',
  },
  { commands: /^make up PHASE=2$/, file: 'test/e2e/phase-3.e2e.test.ts', says: 'make up PHASE=3' },
  {
    commands: /^make (deploy|rollback)( VERSION=\S+| TO=\S+)?$/,
    file: 'test/e2e/deploy.long.test.ts',
    says: 'make rollback',
  },
  { commands: /^make rollback DATA=1/, file: 'test/e2e/upgrade.long.test.ts', says: 'make rollback DATA=1' },
  {
    commands: /^(DRY_RUN=1 )?make upgrade$/,
    file: 'test/e2e/upgrade.long.test.ts',
    says: 'make upgrade DRY_RUN=1',
  },
  { commands: /^make scale /, file: 'test/e2e/scale.e2e.test.ts', says: 'make scale APP=3' },
  {
    commands: /^docker compose up -d --scale app=5$/,
    file: 'test/e2e/scale.e2e.test.ts',
    says: '--scale app=',
  },
  {
    commands: /^make (failover|rejoin)( FORCE=1 TO=\S+)?$/,
    file: 'test/e2e/failover.e2e.test.ts',
    says: 'make rejoin',
  },
  {
    commands: /^(BACKUP_KEY=1 )?make restore(-drill| \w+=.*)?$/,
    file: 'test/e2e/backup.e2e.test.ts',
    says: 'make restore TO=',
  },
  { commands: /^make rotate /, file: 'test/e2e/rotate.long.test.ts', says: 'make rotate SECRET=' },
  {
    commands: /^make bundle$|^(sha256sum|tar -xf|cp -a|cd) .*sv-sdk-/,
    file: 'test/e2e/bundle.long.test.ts',
    says: 'make bundle',
  },
  {
    commands: /^docker compose (exec|logs --tail 50) redis-cluster-/,
    file: 'test/e2e/phase-3.e2e.test.ts',
    says: 'redis-cluster',
  },
  { commands: /db prepare/, file: 'test/e2e/managed.e2e.test.ts', says: 'db prepare' },
  {
    commands: /emails\/replay/,
    file: 'apps/api/src/routes/emails/lifecycle.integration.test.ts',
    says: '/replay',
  },
  {
    commands: /^pg_restore /,
    file: 'apps/cli/src/commands/db-backup.integration.test.ts',
    says: 'pg_restore',
  },
];

/** What a test can't type, or what would be the test itself. */
export const NOT_TYPED: readonly { commands: RegExp; because: string }[] = [
  { commands: /^make test(-unit)?$|vitest run/, because: 'it is what runs this' },
  { commands: /^make bench|^node bench\//, because: 'it takes hours; bench/ has tests of its own' },
  { commands: /^make load( SCENARIO=mixed .*)?$/, because: 'the same as a shorter one that is typed' },
  {
    commands: /^YES=1 make prune$/,
    because: 'images of the host may be the way back of a stack that runs there',
  },
  { commands: /^make profile SERVICE=worker /, because: 'the same as the one of an app, for longer' },
  { commands: /^aws |api\.brevo\.com/, because: "it is about an account at the provider's" },
  {
    commands: /\bacme\b|api\.example\.org\/|^dig /,
    because: 'it is about a domain; production.e2e.test.ts has one of its own',
  },
  {
    commands: /^(timedatectl|chronyc|date -u;)|\/var\/lib\/docker$/,
    because: "it is about the host, and by the host's own tools",
  },
  { commands: /^ssh /, because: 'it is about another machine' },
  { commands: /^git (fetch|checkout) /, because: 'it is about another release' },
  { commands: /^pnpm install --lockfile-only$/, because: 'it is about a change of the versions' },
  {
    commands: /secrets\/\w+$|^echo OPERATORS_PAGES/,
    because: "it changes what the stack's other tests go by",
  },
  {
    commands: /^make up && docker compose up -d --force-recreate worker alertmanager$/,
    because: 'it follows such a change',
  },
];

/** Those to be typed, each once, whichever pages have it. */
export function typedCommands(): DocumentedCommand[] {
  const others = [...TRIED_ELSEWHERE, ...NOT_TYPED];
  const once = new Map(documentedCommands().map((documented) => [documented.command, documented]));
  return [...once.values()].filter(({ command }) => !others.some(({ commands }) => commands.test(command)));
}
