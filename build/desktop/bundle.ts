import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type InlineConfig } from 'vite';
import { collectLicences } from '../licences.ts';
import { UNUSED_PACKAGES, withoutPackages } from '../without-packages.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The folder that becomes the app's archive. */
export const APP_FOLDER = join(ROOT, 'dist', 'desktop', 'app');

const NODE_AND_ELECTRON = ['electron', /^electron\//, ...builtinModules.flatMap((name) => [name, `node:${name}`])];
/** Have binaries beside them, or are shared with those that have, so that they stay packages. */
export const PACKAGES = ['better-sqlite3', 'onnxruntime-node', 'onnxruntime-common'] as const;
/** What Electron 45 carries. */
const MAIN_TARGET = 'node24';
const PRELOAD_TARGET = 'chrome156';

type Bundle = { entry: string; file: string; format: 'es' | 'cjs'; target: string };

const MAIN: readonly Bundle[] = [
  { entry: 'main/index.ts', file: 'main/index.js', format: 'es', target: MAIN_TARGET },
  { entry: 'main/node/model-process.ts', file: 'main/model-process.js', format: 'es', target: MAIN_TARGET },
];
const PRELOADS: readonly Bundle[] = [
  // Sandboxed preloads are one CommonJS file each, whose `require` knows Electron alone.
  { entry: 'main/preload/ui.ts', file: 'preload/ui.cjs', format: 'cjs', target: PRELOAD_TARGET },
  { entry: 'main/preload/compute.ts', file: 'preload/compute.cjs', format: 'cjs', target: PRELOAD_TARGET },
];

/** Bundles the main process and the preloads into `folder`. Rejects with Vite's own error. */
export async function bundleMain(folder: string = APP_FOLDER, licences = collectLicences(ROOT)): Promise<void> {
  for (const bundle of MAIN)
    await build({ ...configOf(bundle, folder), plugins: [withoutPackages(UNUSED_PACKAGES), licences.plugin()] });
  await bundlePreloads(folder);
}

/** Only what pages run. */
export async function bundlePreloads(folder: string): Promise<void> {
  for (const bundle of PRELOADS) await build(configOf(bundle, folder));
}

function configOf({ entry, file, format, target }: Bundle, folder: string): InlineConfig {
  return {
    configFile: false,
    root: ROOT,
    logLevel: 'warn',
    publicDir: false,
    ssr: { noExternal: true },
    resolve: { alias: { sharp: join(ROOT, 'build', 'desktop', 'without-sharp.ts') } },
    build: {
      ssr: true,
      outDir: folder,
      emptyOutDir: false,
      target,
      minify: false,
      sourcemap: false,
      lib: { entry: join(ROOT, entry), formats: [format] },
      rolldownOptions: {
        external: [...NODE_AND_ELECTRON, ...PACKAGES],
        output: { entryFileNames: file, codeSplitting: false },
        checks: { pluginTimings: false },
      },
    },
  };
}
