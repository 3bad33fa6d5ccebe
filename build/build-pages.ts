import { existsSync, globSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { InlineConfig } from 'vite';
import { collectLicences, LICENCES_FILE, type LicenceCollector } from './licences.ts';
import { UNUSED_PACKAGES, withoutPackages } from './without-packages.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { version: VERSION } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

/** A second of work for all; the best level takes ten times as long to save a twentieth. */
const GZIP = { level: 5 };

/** Libraries mark what a server may not render, and no page of ours is rendered on one. */
const UNTOLD = new Set(['MODULE_LEVEL_DIRECTIVE', 'PLUGIN_TIMINGS']);

/** nats.ws names Node's crypto for hosts that have no WebCrypto; no browser gets there. */
const UNUSED = ['crypto', ...UNUSED_PACKAGES];

export type PagesToBuild = {
  /** Every folder in it that has an index.html is a page. */
  sources: string;
  /** Where `<page>/index.html` and `assets/` go; replaced as a whole. */
  output: string;
  /** Folders that pages are made of beside `sources`, `shared` and `build`. */
  madeOf?: readonly string[];
};

/** The pages of this repository. */
export const PAGES: PagesToBuild = { sources: join(ROOT, 'renderer'), output: join(ROOT, 'dist', 'pages') };

/** Whether the built pages are newer than everything they are made of. */
export function arePagesFresh({ sources, output, madeOf = [] }: PagesToBuild = PAGES): boolean {
  const built = pagesOf(sources).map((page) => join(output, page, 'index.html'));
  if (built.length === 0 || !built.every(existsSync)) return false;
  const oldestBuiltAt = Math.min(...built.map(changedAt));
  const inputs = [sources, join(ROOT, 'shared'), join(ROOT, 'build'), ...madeOf].flatMap((folder) =>
    globSync('**/*.{ts,tsx,css,html,svg,txt}', { cwd: folder }).map((name) => join(folder, name)),
  );
  const packages = ['package.json', 'package-lock.json'].map((name) => join(ROOT, name));
  return [...inputs, ...packages].every((file) => changedAt(file) <= oldestBuiltAt);
}

/**
 * Builds all pages. They come to lie in a folder beside the old ones first, so that a build that fails, or is not done
 * yet, takes no page away. Rejects with Vite's own error.
 */
export async function buildPages(pages: PagesToBuild = PAGES): Promise<void> {
  const { build } = await import('vite');
  const fresh = `${pages.output}.${process.pid}`;
  const old = `${fresh}.old`;
  const clear = (): void => {
    for (const folder of [fresh, old]) rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', clear);
  try {
    const licences = collectLicences(pages.sources);
    await build(viteConfig({ ...pages, output: fresh }, licences));
    licences.write(join(fresh, LICENCES_FILE));
    await compress([join(fresh, LICENCES_FILE), ...globSync(join(fresh, 'assets', '*'))]);
    if (existsSync(pages.output)) renameSync(pages.output, old);
    renameSync(fresh, pages.output);
  } finally {
    clear();
    process.off('exit', clear);
  }
}

/** Beside each file, once: a relay that compressed 17 MB of WebAssembly for each visitor would have time for little else. */
async function compress(files: readonly string[]): Promise<void> {
  await Promise.all(
    files.map(async (file) => writeFile(`${file}.gz`, await promisify(gzip)(await readFile(file), GZIP))),
  );
}

/** How Vite builds pages: everything from this machine, under names that change with the content. */
function viteConfig({ sources, output }: PagesToBuild, licences: LicenceCollector): InlineConfig {
  return {
    configFile: false,
    root: sources,
    // Relative, so that the same files work below a relay's path and in the desktop app.
    base: './',
    publicDir: false,
    define: { 'import.meta.env.SPAREWATT_VERSION': JSON.stringify(VERSION) },
    logLevel: 'warn',
    // onnxruntime-web comes with its WebAssembly inlined or beside it; only beside it may one of several be chosen.
    resolve: { conditions: ['onnxruntime-web-use-extern-wasm', 'module', 'browser', 'production'] },
    plugins: [withoutPackages(UNUSED), licences.plugin()],
    worker: { format: 'es', plugins: () => [withoutPackages(UNUSED), licences.plugin()] },
    build: {
      outDir: output,
      emptyOutDir: true,
      target: 'es2024',
      // A strict content security policy allows no inlined scripts or fonts.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      chunkSizeWarningLimit: 4_096,
      rolldownOptions: {
        input: pagesOf(sources).map((page) => join(sources, page, 'index.html')),
        onwarn: (warning, warn) => void (UNTOLD.has(warning.code ?? '') || warn(warning)),
      },
    },
  };
}

function pagesOf(sources: string): string[] {
  return globSync('*/index.html', { cwd: sources }).map((file) => basename(dirname(file)));
}

function changedAt(file: string): number {
  return statSync(file).mtimeMs;
}
