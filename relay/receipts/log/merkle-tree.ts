import { hash } from 'node:crypto';
import { leafInput, nodeInput, type Sha256 } from '../../../shared/receipts/log/tree-hashes.ts';
import {
  consistencyRanges,
  inclusionRanges,
  type LeafRange,
  perfectSubtrees,
  type TreeNode,
} from '../../../shared/receipts/log/tree-ranges.ts';

/** A perfect subtree with its hash, which never changes once it is full. */
export type HashedNode = TreeNode & { readonly hash: Sha256 };

/** Looks up full subtrees that were stored. Throws when one is missing, since that is a damaged log. */
export type ReadNode = (node: TreeNode) => Sha256;

/** The root of a tree without leaves: the hash of nothing. */
export const EMPTY_ROOT: Sha256 = sha256(new Uint8Array());

export function leafHash(content: Uint8Array): Sha256 {
  return sha256(leafInput(content));
}

/** `leafHash` of a text as UTF-8, in which U+0000 is the prefix of a leaf: no copy of its bytes is made. */
export function leafHashOfText(text: string): Sha256 {
  return hash('sha256', `\0${text}`, 'buffer');
}

/**
 * What one more leaf adds to a tree of `size` leaves: itself, and every subtree that it fills. On average that is two
 * nodes a leaf, each written once.
 */
export function nodesOfNextLeaf(size: number, leaf: Sha256, read: ReadNode): HashedNode[] {
  const added: HashedNode[] = [{ level: 0, index: size, hash: leaf }];
  let node = added[0] as HashedNode;
  while (node.index % 2 === 1) {
    const left = read({ level: node.level, index: node.index - 1 });
    node = { level: node.level + 1, index: (node.index - 1) / 2, hash: sha256(nodeInput(left, node.hash)) };
    added.push(node);
  }
  return added;
}

/** The root hash of the first `size` leaves. */
export function rootOf(size: number, read: ReadNode): Sha256 {
  return size === 0 ? EMPTY_ROOT : hashOf({ from: 0, to: size }, read);
}

/** Errors: `RangeError` for a leaf that is not in the tree. */
export function inclusionProof(leaf: number, size: number, read: ReadNode): Sha256[] {
  return inclusionRanges(leaf, size).map((range) => hashOf(range, read));
}

/** Errors: `RangeError` when the older tree is the larger one. */
export function consistencyProof(older: number, newer: number, read: ReadNode): Sha256[] {
  return consistencyRanges(older, newer).map((range) => hashOf(range, read));
}

function hashOf(range: LeafRange, read: ReadNode): Sha256 {
  return perfectSubtrees(range)
    .map(read)
    .reduceRight((right, left) => sha256(nodeInput(left, right)));
}

function sha256(bytes: Uint8Array): Sha256 {
  return hash('sha256', bytes, 'buffer');
}
