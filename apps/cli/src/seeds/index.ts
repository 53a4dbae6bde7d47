import type { Seed } from '@sv-sdk/db';
import { compileStoredTemplates, seedTemplates } from '@sv-sdk/email';
import type { Logger } from '@sv-sdk/telemetry';
import { seedFirstAdministrator } from './first-administrator.ts';
import { seedLoadTestCaller } from './load-test-caller.ts';

/** What a new platform starts with beside the system roles, which the migration itself brings. */
export function platformSeeds(options: {
  administrator: { email: string; password: string };
  loadTest: { apiKey: string; rateLimitPerMinute: number };
  logger: Logger;
}): Seed[] {
  const { administrator, loadTest, logger } = options;
  return [
    async (tx) => {
      await seedTemplates(tx);
      const { compiled, faults } = await compileStoredTemplates(tx);
      if (compiled > 0) logger.info({ compiled }, 'templates compiled');
      for (const { name, ...fault } of faults) {
        logger.warn({ template: name, ...fault }, 'a template cannot be compiled, and is not used');
      }
    },
    seedFirstAdministrator({ ...administrator, logger }),
    seedLoadTestCaller({ ...loadTest, logger }),
  ];
}
