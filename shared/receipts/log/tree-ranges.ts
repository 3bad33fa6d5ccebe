/**
 * Which parts of a Merkle tree (RFC 6962, section 2.1) a root or a proof is made of. Pure arithmetic on leaf numbers:
 * nothing here is hashed, so that the relay that writes proofs and the stranger who checks them share one description.
 */

/** Leaves `from` (inclusive) to `to` (exclusive). */
export type LeafRange = { readonly from: number; readonly to: number };

/** A perfect subtree: the `index`-th group of 2^`level` leaves. */
export type TreeNode = { readonly level: number; readonly index: number };

/** Larger logs need a format of their own; doubles count exactly to far beyond it. */
export const MAX_LEAVES = 2 ** 40;

/**
 * The perfect subtrees that a range consists of, from left to right. The range must begin where a subtree of its size
 * may begin, which every range of this module does.
 */
export function perfectSubtrees({ from, to }: LeafRange): TreeNode[] {
  const nodes: TreeNode[] = [];
  for (let at = from; at < to; ) {
    const level = Math.floor(Math.log2(to - at));
    const size = 2 ** level;
    nodes.push({ level, index: at / size });
    at += size;
  }
  return nodes;
}

/** The siblings that lead from leaf `leaf` to the root of the first `size` leaves, lowest first. Errors: `RangeError`. */
export function inclusionRanges(leaf: number, size: number): LeafRange[] {
  assertCount(size);
  if (!Number.isInteger(leaf) || leaf < 0 || leaf >= size) throw new RangeError(`no leaf ${leaf} in a tree of ${size}`);
  const siblings: LeafRange[] = [];
  let range: LeafRange = { from: 0, to: size };
  while (range.to - range.from > 1) {
    const [left, right] = split(range);
    const isLeft = leaf < left.to;
    siblings.push(isLeft ? right : left);
    range = isLeft ? left : right;
  }
  return siblings.reverse();
}

/** On which side of the way up each of those siblings stands. Errors: `RangeError`. */
export function siblingSides(leaf: number, size: number): ('left' | 'right')[] {
  return inclusionRanges(leaf, size).map(({ from }) => (from > leaf ? 'right' : 'left'));
}

/**
 * What shows that the tree of the first `older` leaves is a beginning of the tree of the first `newer`, lowest first.
 * Errors: `RangeError` when `older` is the larger one.
 */
export function consistencyRanges(older: number, newer: number): LeafRange[] {
  assertCount(older);
  assertCount(newer);
  if (older > newer) throw new RangeError(`a tree of ${older} is no beginning of one of ${newer}`);
  if (older === 0 || older === newer) return [];
  const ranges: LeafRange[] = [];
  let range: LeafRange = { from: 0, to: newer };
  // Once the way has turned right, the older tree's own part is no longer the root that the checker already has.
  let isWholeOlderTree = true;
  while (range.to !== older) {
    const [left, right] = split(range);
    const isLeft = older <= left.to;
    ranges.push(isLeft ? right : left);
    isWholeOlderTree &&= isLeft;
    range = isLeft ? left : right;
  }
  if (!isWholeOlderTree) ranges.push(range);
  return ranges.reverse();
}

/** At the largest power of two that is smaller than the range. */
function split({ from, to }: LeafRange): [LeafRange, LeafRange] {
  const middle = from + 2 ** Math.floor(Math.log2(to - from - 1));
  return [
    { from, to: middle },
    { from: middle, to },
  ];
}

function assertCount(size: number): void {
  if (!Number.isInteger(size) || size < 0 || size > MAX_LEAVES) throw new RangeError(`no tree has ${size} leaves`);
}
