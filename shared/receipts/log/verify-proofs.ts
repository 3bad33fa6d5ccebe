import { nodeInput, type Sha256 } from './tree-hashes.ts';
import { MAX_LEAVES } from './tree-ranges.ts';

/** WebCrypto, which Node, Electron and browsers have in common. */
async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Sha256> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}

export type InclusionClaim = {
  leafHash: Sha256;
  leaf: number;
  size: number;
  root: Sha256;
  proof: readonly Sha256[];
};

/**
 * Whether a leaf is at its place in the tree of that root (RFC 9162, section 2.1.3.2). False for anything that does
 * not add up, never an error.
 */
export async function isIncluded({ leafHash, leaf, size, root, proof }: InclusionClaim): Promise<boolean> {
  if (!isCount(size) || !isCount(leaf) || leaf >= size) return false;
  let place = leaf;
  let last = size - 1;
  let hash = leafHash;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (isOdd(place) || place === last) {
      hash = await sha256(nodeInput(sibling, hash));
      while (!isOdd(place) && place !== 0) [place, last] = [half(place), half(last)];
    } else {
      hash = await sha256(nodeInput(hash, sibling));
    }
    [place, last] = [half(place), half(last)];
  }
  return last === 0 && isSame(hash, root);
}

export type ConsistencyClaim = {
  older: { size: number; root: Sha256 };
  newer: { size: number; root: Sha256 };
  proof: readonly Sha256[];
};

/**
 * Whether the older tree is a beginning of the newer one, so that nothing in it was changed, dropped or inserted (RFC
 * 9162, section 2.1.4.2). False for anything that does not add up, never an error.
 */
export async function isConsistent({ older, newer, proof }: ConsistencyClaim): Promise<boolean> {
  if (!isCount(older.size) || !isCount(newer.size) || older.size > newer.size) return false;
  if (older.size === newer.size) return proof.length === 0 && isSame(older.root, newer.root);
  if (older.size === 0) return proof.length === 0;
  // A perfect older tree is itself the first piece, and the proof leaves out what the checker has.
  const pieces = isPowerOfTwo(older.size) ? [older.root, ...proof] : proof;
  const [first, ...rest] = pieces;
  if (first === undefined) return false;
  let [place, last] = [older.size - 1, newer.size - 1];
  while (isOdd(place)) [place, last] = [half(place), half(last)];
  let [olderHash, newerHash] = [first, first];
  for (const piece of rest) {
    if (last === 0) return false;
    if (isOdd(place) || place === last) {
      olderHash = await sha256(nodeInput(piece, olderHash));
      newerHash = await sha256(nodeInput(piece, newerHash));
      while (!isOdd(place) && place !== 0) [place, last] = [half(place), half(last)];
    } else {
      newerHash = await sha256(nodeInput(newerHash, piece));
    }
    [place, last] = [half(place), half(last)];
  }
  return last === 0 && isSame(olderHash, older.root) && isSame(newerHash, newer.root);
}

/** Public hashes: comparing them takes no care about time. */
function isSame(one: Sha256, other: Sha256): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= MAX_LEAVES;
}

// Bit operations stop at 32 bits, leaf numbers do not.
function isOdd(value: number): boolean {
  return value % 2 === 1;
}

function half(value: number): number {
  return Math.floor(value / 2);
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value));
}
