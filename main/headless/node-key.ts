import { randomBytes } from 'node:crypto';
import type { AgentLog } from '../../shared/agent/log.ts';
import { seedBytes, seedText } from '../../shared/identity/key-text.ts';
import { signerOfSeed } from '../../shared/identity/signer.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { type KeyBoxOptions, openKeyBox } from './keychain/open-key-box.ts';
import type { SecretBox } from './secret-box.ts';

export type NodeIdentity = { publicKey: string; seed: Uint8Array };

/**
 * The key of the node of a folder, wherever it lies, and a line in the log about where and why. Errors:
 * `keychain_unavailable`; `data_folder_unusable` when it can neither be read nor made.
 */
export async function openNodeKey(options: KeyBoxOptions, log: AgentLog): Promise<NodeIdentity> {
  const { box, why, ...said } = await keptIn(`the folder ${options.folder}`, () => openKeyBox(options));
  const identity = await readOrCreateNodeKey(box);
  log.info({ publicKey: identity.publicKey, ...said }, `the key of this node lies in ${box.where}: ${why}`);
  return identity;
}

/**
 * The node's own Ed25519 key, made on first run and kept in a box of its host.
 * Errors: `data_folder_unusable` when it can neither be read nor made.
 */
export async function readOrCreateNodeKey(box: SecretBox): Promise<NodeIdentity> {
  return keptIn(box.where, async () => {
    const text = await box.read();
    return text === undefined ? await createNodeKey(box) : parseNodeKey(text, box);
  });
}

async function keptIn<Value>(where: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Problem) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Problem(
      'data_folder_unusable',
      `The node cannot keep its key in ${where}: ${reason}. Give this user the right to read and write there, free some space if the disk is full, or name another folder with --data.`,
      { cause: error },
    );
  }
}

async function createNodeKey(box: SecretBox): Promise<NodeIdentity> {
  const seed = seedText('node', randomBytes(32));
  await box.write(`${JSON.stringify({ seed })}\n`);
  return identityOf(seed);
}

/** Throws a `TypeError` for what is no seed of a node. */
async function identityOf(text: string): Promise<NodeIdentity> {
  const seed = new TextEncoder().encode(text);
  if (seedBytes(seed)?.role !== 'node') throw new TypeError('This is not the seed of a node key.');
  const { publicKey } = await signerOfSeed(seed);
  return { publicKey, seed };
}

async function parseNodeKey(text: string, box: SecretBox): Promise<NodeIdentity> {
  try {
    const { seed } = JSON.parse(text) as { seed: string };
    return await identityOf(seed);
  } catch {
    // Without the cause: a parser's message may quote the key.
    throw new Problem(
      'data_folder_unusable',
      `There is no node key in ${box.where}. Restore it from a backup, or remove it and become a new node.`,
    );
  }
}
