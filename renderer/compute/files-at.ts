import type { ModelFiles } from '../../shared/runtimes/transformers/model-files.ts';

/** The files of a model below an address of the app, whose main process has checked them against their digests. */
export function filesAt(location: string): ModelFiles {
  const folder = new URL(location, globalThis.location.href);
  return {
    open: async (name) => {
      const response = await fetch(new URL(name, folder));
      return response.ok ? { bytes: new Uint8Array(await response.arrayBuffer()) } : null;
    },
  };
}
