/** Writes the types of the client: `pnpm generate:client`. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateSchema } from '@sv-sdk/client/generator';
import { createOpenApiDocument } from './openapi.ts';
import { endpoints } from './routes/index.ts';

/** In the test image (`make client`) the checkout is mounted elsewhere than the copy that runs. */
const repository = process.env['SV_REPO'] ?? join(import.meta.dirname, '..', '..', '..');

// Neither the version nor the cookie's name reaches a type.
const document = createOpenApiDocument(endpoints, { version: 'generated', cookieName: 'session' });
await writeFile(join(repository, 'packages/client/src/schema.ts'), await generateSchema(document));
