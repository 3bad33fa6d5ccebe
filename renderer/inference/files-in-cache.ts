import { Problem } from '../../shared/problems/problem.ts';
import type { ModelFiles } from '../../shared/runtimes/transformers/model-files.ts';
import { assertDigest, type FileDigest } from './model-digests.ts';
import { readRecord } from './stored-models.ts';
import { openPieces } from './stored-pieces.ts';

/** The files of a model that was installed from this address; checked whenever they are read: a cache is a folder of somebody else's. */
export function filesInCache(location: string): ModelFiles {
  const record = readRecord(location);
  record.catch(() => undefined); // Told with the first file.
  return {
    async open(name) {
      const model = await record;
      if (model === null) {
        throw new Problem('model_files_missing', 'The model is not in this browser any more. Load the page again.');
      }
      const digest = model.files[name];
      if (digest === undefined) return null;
      return { bytes: await readWhole(name, digest) };
    },
  };
}

async function readWhole(name: string, digest: FileDigest): Promise<Uint8Array<ArrayBuffer>> {
  const pieces = await openPieces(digest);
  if (pieces.sizeBytes() === 0) {
    throw new Problem('model_files_missing', `The file '${name}' of the model is gone. Load the page again.`);
  }
  const bytes = await pieces.read();
  await assertDigest(bytes, digest, name);
  return bytes;
}
