import type { Seed } from '@sv-sdk/db';
import { seedTemplates } from '@sv-sdk/email';
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
    },
    seedFirstAdministrator({ ...administrator, logger }),
    seedLoadTestCaller({ ...loadTest, logger }),
  ];
}
