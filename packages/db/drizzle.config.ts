import { defineConfig } from 'drizzle-kit';

/** For `pnpm --filter @sv-sdk/db generate`: compares the schema with the last snapshot in `migrations/meta`. */
export default defineConfig({
  dialect: 'postgresql',
  schema: './src/schema/index.ts',
  out: './migrations',
});
