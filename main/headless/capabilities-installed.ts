import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { InstalledArtifact } from '../../shared/runtimes/runtime.ts';

/** Every model has one, wherever it came from; `model-store.ts` writes it for those that were copied by hand. */
const MARK = 'digests.json';
/** An id has an owner and a name. */
const ID_DEPTH = 2;

/** The models whose files lie in these folders, served or not, each with its size on disk. The first folder wins. */
export async function scanInstalled(folders: readonly string[]): Promise<InstalledArtifact[]> {
  const found = new Map<string, InstalledArtifact>();
  for (const folder of folders) {
    for (const id of await modelsIn(folder, '', ID_DEPTH)) {
      if (!found.has(id)) found.set(id, { name: id, ...(await sizeOf(join(folder, id))) });
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function modelsIn(folder: string, prefix: string, depth: number): Promise<string[]> {
  const entries = await readdir(join(folder, prefix), { withFileTypes: true }).catch(() => []);
  if (entries.some((entry) => entry.name === MARK)) return [prefix];
  if (depth === 0) return [];
  const folders = entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => (prefix ? `${prefix}/${name}` : name));
  return (await Promise.all(folders.map((name) => modelsIn(folder, name, depth - 1)))).flat();
}

async function sizeOf(folder: string): Promise<{ size_bytes: number; files: number }> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile() && !entry.name.endsWith('.part'));
  const sizes = await Promise.all(files.map((file) => stat(join(file.parentPath, file.name)).catch(() => null)));
  return { files: files.length, size_bytes: sizes.reduce((sum, found) => sum + (found?.size ?? 0), 0) };
}
