import { existsSync, globSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { InlineConfig } from 'vite';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

export type PagesToBuild = {
  /** Every folder in it that has an index.html is a page. */
  sources: string;
  /** Where `<page>/index.html` and `assets/` go; replaced as a whole. */
  output: string;
};

/** The pages of this repository. */
export const PAGES: PagesToBuild = { sources: join(ROOT, 'renderer'), output: join(ROOT, 'dist', 'pages') };

/** Whether the built pages are newer than everything they are made of. */
export function arePagesFresh({ sources, output }: PagesToBuild = PAGES): boolean {
  const built = pagesOf(sources).map((page) => join(output, page, 'index.html'));
  if (built.length === 0 || !built.every(existsSync)) return false;
  const oldestBuiltAt = Math.min(...built.map(changedAt));
  const inputs = [sources, join(ROOT, 'shared'), join(ROOT, 'build')].flatMap((folder) =>
    globSync('**/*.{ts,tsx,css,html,svg}', { cwd: folder }).map((name) => join(folder, name)),
  );
  return [...inputs, join(ROOT, 'package-lock.json')].every((file) => changedAt(file) <= oldestBuiltAt);
}

/**
 * Builds all pages. They come to lie in a folder beside the old ones first, so that a build that fails, or is not done
 * yet, takes no page away. Rejects with Vite's own error.
 */
export async function buildPages(pages: PagesToBuild = PAGES): Promise<void> {
  const { build } = await import('vite');
  const fresh = `${pages.output}.${process.pid}`;
  const old = `${fresh}.old`;
  try {
    await build(viteConfig({ ...pages, output: fresh }));
    if (existsSync(pages.output)) renameSync(pages.output, old);
    renameSync(fresh, pages.output);
  } finally {
    for (const folder of [fresh, old]) rmSync(folder, { recursive: true, force: true });
  }
}

/** How Vite builds pages: everything from this machine, under names that change with the content. */
export function viteConfig({ sources, output }: PagesToBuild): InlineConfig {
  return {
    configFile: false,
    root: sources,
    // Relative, so that the same files work below a relay's path and in the desktop app.
    base: './',
    publicDir: false,
    logLevel: 'warn',
    // onnxruntime-web comes with its WebAssembly inlined or beside it; only beside it may one of several be chosen.
    resolve: { conditions: ['onnxruntime-web-use-extern-wasm', 'module', 'browser', 'production'] },
    worker: { format: 'es' },
    build: {
      outDir: output,
      emptyOutDir: true,
      target: 'es2024',
      // A strict content security policy allows no inlined scripts or fonts.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      chunkSizeWarningLimit: 4_096,
      rolldownOptions: { input: pagesOf(sources).map((page) => join(sources, page, 'index.html')) },
    },
  };
}

function pagesOf(sources: string): string[] {
  return globSync('*/index.html', { cwd: sources }).map((file) => basename(dirname(file)));
}

function changedAt(file: string): number {
  return statSync(file).mtimeMs;
}
