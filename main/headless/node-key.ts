import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { createUser, fromSeed } from '@nats-io/nkeys';
import { Problem } from '../../shared/problems/problem.ts';

export type NodeIdentity = { publicKey: string; seed: Uint8Array };

/**
 * The node's own Ed25519 key, made on first run and kept in a file only its owner can read.
 * Errors: `data_folder_unusable` when it can neither be read nor made.
 */
export async function readOrCreateNodeKey(dataFolder: string): Promise<NodeIdentity> {
  const path = join(dataFolder, 'node-key.json');
  try {
    await mkdir(dataFolder, { recursive: true, mode: 0o700 });
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    return text === undefined ? await createNodeKey(path) : parseNodeKey(text, path);
  } catch (error) {
    if (error instanceof Problem) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Problem('data_folder_unusable', `The node cannot keep its key in ${dataFolder}: ${reason}. Use --data.`, {
      cause: error,
    });
  }
}

async function createNodeKey(path: string): Promise<NodeIdentity> {
  const key = createUser();
  const seed = new TextDecoder().decode(key.getSeed());
  // Written whole or not at all: half a key would make this another node for good.
  const draft = `${path}.${process.pid}.new`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${JSON.stringify({ seed })}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
  return { publicKey: key.getPublicKey(), seed: key.getSeed() };
}

function parseNodeKey(text: string, path: string): NodeIdentity {
  try {
    const { seed } = JSON.parse(text) as { seed: string };
    const key = fromSeed(new TextEncoder().encode(seed));
    return { publicKey: key.getPublicKey(), seed: key.getSeed() };
  } catch (error) {
    throw new Problem(
      'data_folder_unusable',
      `${path} does not hold a node key. Restore it from a backup, or remove it and become a new node.`,
      { cause: error },
    );
  }
}
