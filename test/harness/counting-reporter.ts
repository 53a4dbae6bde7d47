import type { Reporter, TestModule, Vitest } from 'vitest/node';

/**
 * Prints `N passed, N failed[, N skipped]` as the last line of the run, counted from what ran. A file that
 * could not be loaded and an error outside any test count as a failure each: neither has a test to carry it.
 */
export default class CountingReporter implements Reporter {
  #vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
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
    const line = `${count.passed} passed, ${count.failed} failed${skipped}\n`;
    // After vitest's own summary and the tear-down of the stack, whose output follows this event.
    process.once('exit', () => process.stdout.write(line));
    if (modules.length === 0) this.#vitest?.logger.error('no test ran');
  }
}
