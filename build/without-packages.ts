import type { Plugin } from 'vite';

/**
 * Named by the decoder of Opus for an enhancement of speech that nothing here asks for: four megabytes in each worker, and in each process
 * that runs a model.
 */
export const UNUSED_PACKAGES = ['@wasm-audio-decoders/opus-ml'] as const;

/** Bundles an empty module in place of each of these, which what is bundled names and never uses. */
export function withoutPackages(names: readonly string[]): Plugin {
  const stub = '\0without-package';
  return {
    name: 'without-packages',
    enforce: 'pre',
    resolveId: (id) => (names.includes(id) ? stub : undefined),
    load: (id) => (id === stub ? 'export default {};' : undefined),
  };
}
