/** Writes the dashboards that Grafana reads: `pnpm generate:dashboards`. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generatedFiles } from './generated-files.ts';

/** In the test image (`make dashboards`) the checkout is mounted elsewhere than the copy that runs. */
const repository = process.env['SV_REPO'] ?? join(import.meta.dirname, '..', '..', '..');
const folder = join(repository, 'infra/grafana/dashboards');

await mkdir(folder, { recursive: true });
const files = generatedFiles();
// A dashboard that is no more would be shown for ever.
for (const name of await readdir(folder)) if (!files.has(name)) await rm(join(folder, name));
for (const [name, text] of files) await writeFile(join(folder, name), text);
