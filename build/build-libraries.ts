import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TYPEBOX = join(ROOT, 'node_modules', 'typebox');

type Package = { version: string; exports: Record<string, { import: string }> };

/**
 * Makes a few files of TypeBox's seven hundred, unless that is done for the version that is installed; `relay/cli/libraries.mjs` has
 * processes load them. They come to lie there in one step. Rejects with Vite's own error.
 */
export async function buildLibraries(folder = join(ROOT, 'dist', 'libraries')): Promise<void> {
  const { version, exports } = JSON.parse(readFileSync(join(TYPEBOX, 'package.json'), 'utf8')) as Package;
  const output = join(folder, `typebox-${version}`);
  if (existsSync(output)) return;
  const { build } = await import('vite');
  const fresh = `${output}.${process.pid}`;
  const entry = Object.entries(exports).map(([name, { import: file }]) => [
    name === '.' ? 'index' : name.slice(2),
    join(TYPEBOX, file),
  ]);
  const clear = (): void => rmSync(fresh, { recursive: true, force: true });
  process.once('exit', clear);
  try {
    await build({
      configFile: false,
      logLevel: 'warn',
      publicDir: false,
      build: {
        lib: { entry: Object.fromEntries(entry) as Record<string, string>, formats: ['es'] },
        outDir: fresh,
        target: 'es2024',
        minify: false,
        rolldownOptions: { output: { entryFileNames: '[name].mjs', chunkFileNames: '[name]-[hash].mjs' } },
      },
    });
    if (!existsSync(output)) renameSync(fresh, output);
  } finally {
    clear();
    process.off('exit', clear);
  }
}
