import { createUser, fromSeed } from '@nats-io/nkeys';
import { Problem } from '../../shared/problems/problem.ts';
import type { SecretBox } from './secret-box.ts';

export type NodeIdentity = { publicKey: string; seed: Uint8Array };

/**
 * The node's own Ed25519 key, made on first run and kept in a box of its host.
 * Errors: `data_folder_unusable` when it can neither be read nor made.
 */
export async function readOrCreateNodeKey(box: SecretBox): Promise<NodeIdentity> {
  try {
    const text = await box.read();
    return text === undefined ? await createNodeKey(box) : parseNodeKey(text, box);
  } catch (error) {
    if (error instanceof Problem) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Problem('data_folder_unusable', `The node cannot keep its key in ${box.where}: ${reason}. Use --data.`, {
      cause: error,
    });
  }
}

async function createNodeKey(box: SecretBox): Promise<NodeIdentity> {
  const key = createUser();
  const seed = new TextDecoder().decode(key.getSeed());
  await box.write(`${JSON.stringify({ seed })}\n`);
  return { publicKey: key.getPublicKey(), seed: key.getSeed() };
}

function parseNodeKey(text: string, box: SecretBox): NodeIdentity {
  try {
    const { seed } = JSON.parse(text) as { seed: string };
    const key = fromSeed(new TextEncoder().encode(seed));
    return { publicKey: key.getPublicKey(), seed: key.getSeed() };
  } catch {
    // Without the cause: a parser's message may quote the key.
    throw new Problem(
      'data_folder_unusable',
      `There is no node key in ${box.where}. Restore it from a backup, or remove it and become a new node.`,
    );
  }
}
