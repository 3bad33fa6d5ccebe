import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelFiles } from '../../../shared/runtimes/transformers/model-files.ts';

/** Weights are opened by onnxruntime from their path, so that they are never held twice; the rest is small. */
export function filesInFolder(folder: string): ModelFiles {
  return {
    async open(name) {
      const path = join(folder, name);
      if (/\.onnx(_data(_\d+)?)?$/.test(name)) return { path };
      try {
        return { bytes: await readFile(path) };
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
        throw error;
      }
    },
  };
}
