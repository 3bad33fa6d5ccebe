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

/** Some stored subtrees of one level, side by side: `count` of them from `index` on. */
export type NodeRun = TreeNode & { readonly count: number };

/**
 * Of the levels of a log only every fourth is stored: a sixteenth of a node a leaf beside the leaf's own hash, instead of
 * one. A subtree between is hashed from the eight stored ones at most that it consists of, a proof from 15 for each four levels.
 */
const LEVELS_PER_STORED = 4;

/** The root of a tree without leaves: the hash of nothing. */
export const EMPTY_ROOT: Sha256 = sha256(new Uint8Array());

/** Of a text, that of its UTF-8. */
export function leafHash(content: Uint8Array | string): Sha256 {
  // U+0000 is the byte that marks a leaf: one call, without copies.
  return typeof content === 'string' ? hash('sha256', `\0${content}`, 'buffer') : sha256(leafInput(content));
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

/** Whether the subtrees of a level are stored. */
export function isStoredLevel(level: number): boolean {
  return level % LEVELS_PER_STORED === 0;
}

/** The stored subtrees that a subtree consists of: itself, if its level is stored. */
export function storedRunOf({ level, index }: TreeNode): NodeRun {
  const above = level % LEVELS_PER_STORED;
  return { level: level - above, index: index * 2 ** above, count: 2 ** above };
}

/** The hash of the subtree that a run of its length makes, which is a power of two. */
export function hashOfRun(hashes: readonly Sha256[]): Sha256 {
  const [first, second] = hashes;
  if (first !== undefined && second === undefined) return first;
  const pairs = Array.from({ length: hashes.length / 2 }, (_, at) =>
    sha256(nodeInput(hashes[2 * at] as Sha256, hashes[2 * at + 1] as Sha256)),
  );
  return hashOfRun(pairs);
}

/** The stored subtrees, other than itself, that a leaf is the last of, lowest first; each with what it is hashed from. */
export function subtreesFilledBy(leaf: number): { node: TreeNode; run: NodeRun }[] {
  const filled: { node: TreeNode; run: NodeRun }[] = [];
  for (let level = LEVELS_PER_STORED; (leaf + 1) % 2 ** level === 0; level += LEVELS_PER_STORED) {
    const index = (leaf + 1) / 2 ** level - 1;
    const count = 2 ** LEVELS_PER_STORED;
    filled.push({ node: { level, index }, run: { level: level - LEVELS_PER_STORED, index: index * count, count } });
  }
  return filled;
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
