import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { release, type } from 'node:os';
import { dirname, join } from 'node:path';
import type { Software, Tools } from '../../shared/agent/capability-document.ts';
import { findProgram } from './find-program.ts';

/** Programs that services can use. */
const TOOLS = ['ffmpeg', 'blender'] as const;

/** Versions of what runs here; null for what is not installed. */
export async function describeSoftware(): Promise<Software> {
  const transformers = resolveFrom(import.meta.url, '@huggingface/transformers');
  // The library brings its own copy.
  const onnxruntime = transformers === null ? null : resolveFrom(transformers, 'onnxruntime-node');
  return {
    os: `${type()} ${release()}`,
    node: process.versions.node,
    onnxruntime: await versionOf(onnxruntime, 'onnxruntime-node'),
    transformers: await versionOf(transformers, '@huggingface/transformers'),
  };
}

/** Which tools a search like the shell's finds. `path` as in the environment. */
export async function findTools(path = process.env.PATH ?? ''): Promise<Tools> {
  const found = await Promise.all(
    TOOLS.map(async (name) => [name, (await findProgram(name, path)) !== undefined] as const),
  );
  return Object.fromEntries(found);
}

function resolveFrom(place: string, name: string): string | null {
  try {
    return createRequire(place).resolve(name);
  } catch {
    return null;
  }
}

/** The version in the package that a file belongs to. */
async function versionOf(file: string | null, name: string): Promise<string | null> {
  for (let folder = file === null ? '/' : dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => null);
    if (text === null) continue;
    const described = JSON.parse(text) as { name?: string; version?: string };
    if (described.name === name) return described.version ?? null;
  }
  return null;
}
