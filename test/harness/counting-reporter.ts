import { stripVTControlCharacters } from 'node:util';
import type { Reporter, TestCase, TestModule, Vitest } from 'vitest/node';

/** So much of an error is on its line; the whole of it stands above. What a command said last tells most. */
const FIRST_CHARACTERS = 150;
const LAST_CHARACTERS = 250;

/**
 * Ends the run with the failures, a line each, in the order in which they happened, and `N passed, N failed[, N
 * skipped]` as the last line, counted from what ran. The end of a long output is what is kept of it and looked at, and
 * of many failures the first is mostly the cause of the others. A file that could not be loaded or whose hook failed,
 * and an error outside any test count as a failure each: neither has a test to carry it.
 */
export default class CountingReporter implements Reporter {
  #vitest: Vitest | undefined;
  readonly #failures: string[] = [];

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestCaseResult(test: TestCase): void {
    const { state, errors } = test.result();
    if (state === 'failed') this.#note(`${test.module.relativeModuleId} > ${test.fullName}`, errors?.[0]);
  }

  onTestModuleEnd(module: TestModule): void {
    for (const error of module.errors()) this.#note(module.relativeModuleId, error);
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly { message: string }[]): void {
    for (const error of unhandledErrors) this.#note('outside any test', error);
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      count.failed += module.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') count.passed += 1;
        else if (state === 'failed') count.failed += 1;
        else count.skipped += 1;
      }
    }
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
    const lines = [...this.#failures, `${count.passed} passed, ${count.failed} failed${skipped}`, ''];
    // After vitest's own summary and the tear-down of the stack, whose output follows this event.
    process.once('exit', () => process.stdout.write(lines.join('\n')));
    if (modules.length === 0) this.#vitest?.logger.error('no test ran');
  }

  #note(where: string, error: { message: string } | undefined): void {
    const at = new Date().toISOString().slice(11, 19);
    this.#failures.push(`FAILED ${at} ${where}: ${abridged(error?.message ?? '')}`);
  }
}

function abridged(message: string): string {
  const line = stripVTControlCharacters(message).replaceAll(/\s+/g, ' ').trim();
  if (line.length <= FIRST_CHARACTERS + LAST_CHARACTERS) return line;
  return `${line.slice(0, FIRST_CHARACTERS)} […] ${line.slice(-LAST_CHARACTERS)}`;
}
