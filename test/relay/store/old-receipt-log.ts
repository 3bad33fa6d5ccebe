import { type HashedNode, leafHash, nodesOfNextLeaf, rootOf } from '../../../relay/receipts/log/merkle-tree.ts';
import { draftFor } from './store-records.ts';

/** What a log of so many receipts was made of before migration 98: their texts in order, and nodes of every level. */
export function oldReceiptLog(size: number): { bodies: string[]; nodes: HashedNode[]; root: Uint8Array } {
  const edge: HashedNode[] = [];
  const hashOf = ({ level }: { level: number }): Uint8Array => edge[level]?.hash ?? new Uint8Array();
  const nodes: HashedNode[] = [];
  const bodies = Array.from({ length: size }, (_, at) => JSON.stringify(draftFor(`job_${at}`)));
  for (const [at, body] of bodies.entries()) {
    for (const node of nodesOfNextLeaf(at, leafHash(body), hashOf)) {
      nodes.push(node);
      edge[node.level] = node;
    }
  }
  return { bodies, nodes, root: Uint8Array.from(rootOf(size, hashOf)) };
}
