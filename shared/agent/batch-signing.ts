import type { HostCrypto } from '../identity/host-crypto.ts';
import { bytesToBase64Url } from '../protocol/base64.ts';
import { batchBytes, MOST_IN_BATCH, writeNodeSignature } from '../receipts/batch-signature.ts';
import { leafInput, nodeInput, type Sha256 } from '../receipts/log/tree-hashes.ts';

/** The text of the node's signature under a statement. Rejects when the host cannot sign. */
export type StatementSigner = (statement: Uint8Array<ArrayBuffer>) => Promise<string>;

type Waiting = {
  statement: Uint8Array<ArrayBuffer>;
  resolve: (signature: string) => void;
  reject: (error: unknown) => void;
};

/**
 * Signs what ends together with one signature, which costs a node as much as everything else that it does for a job.
 *
 * 1. A statement waits for `soon` of its host or for the batch before it, and for no timer.
 * 2. One batch is signed at a time; what comes meanwhile is the next one.
 * 3. A batch that cannot be signed is rejected alone.
 */
export function createStatementSigner(host: HostCrypto): StatementSigner {
  const waiting: Waiting[] = [];
  let isSigning = false;
  const signAll = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, MOST_IN_BATCH);
      try {
        const signatures = await signBatch(batch, host);
        for (const [place, { resolve }] of batch.entries()) resolve(signatures[place] ?? '');
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    isSigning = false;
  };
  return (statement) =>
    new Promise((resolve, reject) => {
      waiting.push({ statement, resolve, reject });
      if (isSigning) return;
      host.soon(() => void signAll());
      isSigning = true;
    });
}

async function signBatch(batch: readonly Waiting[], host: HostCrypto): Promise<string[]> {
  const [only] = batch;
  const size = batch.length;
  const sign = async (content: Uint8Array<ArrayBuffer>) => bytesToBase64Url(new Uint8Array(await host.sign(content)));
  if (only !== undefined && size === 1) return [await sign(only.statement)];
  const levels = await treeOf(await Promise.all(batch.map(({ statement }) => host.sha256(leafInput(statement)))), host);
  const root = levels.at(-1)?.[0] as Sha256;
  const signature = await sign(batchBytes(root, size));
  // Each hash is in the ways of many.
  const written = levels.slice(0, -1).map((level) => level.map(bytesToBase64Url));
  return batch.map((_, leaf) => writeNodeSignature({ signature, leaf, size, path: pathOf(leaf, written) }));
}

/** Every level from the leaves to the root. The last of an odd number is carried up as it is, as RFC 6962 has it. */
async function treeOf(leaves: readonly Sha256[], host: HostCrypto): Promise<(readonly Sha256[])[]> {
  const levels = [leaves];
  for (let below = leaves; below.length > 1; ) {
    const above: Promise<Sha256>[] = [];
    for (let at = 0; at < below.length; at += 2) above.push(parentOf(below[at] as Sha256, below[at + 1], host));
    below = await Promise.all(above);
    levels.push(below);
  }
  return levels;
}

async function parentOf(left: Sha256, right: Sha256 | undefined, host: HostCrypto): Promise<Sha256> {
  return right === undefined ? left : host.sha256(nodeInput(left, right));
}

/** The siblings on the way from a leaf to the root, lowest first; `levels` are those below the root. */
function pathOf(leaf: number, levels: readonly (readonly string[])[]): string[] {
  return levels.map((level, height) => level[(leaf >> height) ^ 1]).filter((sibling) => sibling !== undefined);
}
