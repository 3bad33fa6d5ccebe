import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type InlineConfig } from 'vite';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The folder that becomes the app's archive. */
export const APP_FOLDER = join(ROOT, 'dist', 'desktop', 'app');

const NODE_AND_ELECTRON = ['electron', /^electron\//, ...builtinModules.flatMap((name) => [name, `node:${name}`])];
/** Has a binary beside it, so that it stays a package. */
export const NATIVE_PACKAGE = 'better-sqlite3';
/** What Electron 45 carries. */
const MAIN_TARGET = 'node24';
const PRELOAD_TARGET = 'chrome156';

type Bundle = { entry: string; file: string; format: 'es' | 'cjs'; target: string };

const BUNDLES: readonly Bundle[] = [
  { entry: 'main/index.ts', file: 'main/index.js', format: 'es', target: MAIN_TARGET },
  // Sandboxed preloads are one CommonJS file each, whose `require` knows Electron alone.
  { entry: 'main/preload/ui.ts', file: 'preload/ui.cjs', format: 'cjs', target: PRELOAD_TARGET },
  { entry: 'main/preload/compute.ts', file: 'preload/compute.cjs', format: 'cjs', target: PRELOAD_TARGET },
];

/** Bundles the main process and the preloads into `folder`. Rejects with Vite's own error. */
export async function bundleMain(folder: string = APP_FOLDER): Promise<void> {
  for (const bundle of BUNDLES) await build(configOf(bundle, folder));
}

function configOf({ entry, file, format, target }: Bundle, folder: string): InlineConfig {
  return {
    configFile: false,
    root: ROOT,
    logLevel: 'warn',
    publicDir: false,
    ssr: { noExternal: true },
    build: {
      ssr: true,
      outDir: folder,
      emptyOutDir: false,
      target,
      minify: false,
      sourcemap: false,
      lib: { entry: join(ROOT, entry), formats: [format] },
      rolldownOptions: {
        external: [...NODE_AND_ELECTRON, NATIVE_PACKAGE],
        output: { entryFileNames: file, codeSplitting: false },
        checks: { pluginTimings: false },
      },
    },
  };
}
