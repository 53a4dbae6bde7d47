/**
 * Makes dist/ out of the sources: each process in a few files (ADR 0042). Of the 1,534 modules of the app each is looked
 * up, read and compiled by itself, which costs 2.7 s of CPU before its first request; in dist/ they cost 0.5 s.
 *
 *   node infra/platform/bundle.ts
 */
import { join, relative } from 'node:path';
import { type Plugin, RolldownMagicString, rolldown } from 'rolldown';

const root = join(import.meta.dirname, '..', '..');
const output = join(root, 'dist');

const processes = ['api', 'autoscaler', 'cli', 'nginx-log-exporter', 'ready-dns', 'worker'];

/** They load a binary, a thread or pages of theirs from the files beside them, so they stay where they are. */
const LEFT_OUT = ['@bull-board/api', '@bull-board/express', '@node-rs/argon2', 'libpg-query', 'piscina'];

const leftOut: Plugin = {
  name: 'left-out',
  async resolveId(source, importer, options) {
    if (!LEFT_OUT.some((name) => source === name || source.startsWith(`${name}/`))) return null;
    const found = await this.resolve(source, importer, { ...options, skipSelf: true });
    if (found === null) throw new Error(`${source} is not installed for ${importer}`);
    return { id: relative(output, found.id), external: true };
  },
};

/** What our own sources find by `import.meta.url`, such as the migrations, is found where it is without a bundle. */
const ownPlace: Plugin = {
  name: 'own-place',
  transform: {
    filter: { id: { include: /\.ts$/, exclude: /node_modules/ }, code: 'import.meta.url' },
    handler(code, id) {
      const place = JSON.stringify(relative(output, id));
      const source = new RolldownMagicString(code);
      source.replaceAll('import.meta.url', `new URL(${place}, import.meta.url).href`);
      return { code: source };
    },
  },
};

/** Maps of our own sources alone: with those of the packages the first error told of would take 10 times as long. */
const ownMaps: Plugin = {
  name: 'own-maps',
  transform: {
    filter: { id: /node_modules/ },
    handler: (code) => ({ code, map: { mappings: '' } }),
  },
};

const bundle = await rolldown({
  cwd: root,
  input: Object.fromEntries(processes.map((name) => [name, join(root, 'apps', name, 'src/main.ts')])),
  platform: 'node',
  plugins: [leftOut, ownPlace, ownMaps],
  onLog(level, log, handle) {
    // Packages say `eval` and `this` at their top level; that is theirs.
    if (level === 'warn' && log.id?.includes('/node_modules/')) return;
    handle(level === 'warn' ? 'error' : level, log);
  },
});
const { output: files } = await bundle.write({
  dir: output,
  cleanDir: true,
  format: 'esm',
  // Errors are told apart, and told of, by their names.
  keepNames: true,
  sourcemap: true,
  sourcemapExcludeSources: true,
});
await bundle.close();
process.stdout.write(`${files.length} files in dist/\n`);
