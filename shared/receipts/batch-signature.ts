import { base64UrlToBytes } from '../protocol/base64.ts';
import { bytesToHex } from '../protocol/hex.ts';
import { canonicalBytes } from './canonical-json.ts';
import { nodeInput, type Sha256 } from './log/tree-hashes.ts';
import { siblingSides } from './log/tree-ranges.ts';

/**
 * One signature of a node under several of its statements (SPEC V10): what it signs is the root of a Merkle tree
 * (RFC 6962) over them, and each receipt carries the way from its own statement to that root, so that it can still be
 * checked alone. Under load that is one signature and one check for many receipts instead of one for each.
 */
export type BatchSignature = {
  /** Ed25519, 64 bytes. */
  readonly signature: Uint8Array<ArrayBuffer>;
  /** The place of the statement among those of the batch, from 0. */
  readonly leaf: number;
  readonly size: number;
  /** Sibling hashes up to the root, lowest first; none for a batch of one. */
  readonly path: readonly Sha256[];
};

/** Eight hashes of path, some 350 characters. */
export const MOST_IN_BATCH = 256;
/** The longest text that `writeNodeSignature` gives, with some room. */
export const NODE_SIGNATURE_LIMIT = 512;

const HASH_BYTES = 32;

/** A `BatchSignature` whose bytes are written in base64url, which those of one batch have in common. */
export type WrittenSignature = Pick<BatchSignature, 'leaf' | 'size'> & { signature: string; path: readonly string[] };

/** The text in `done` and in receipts: the signature alone where it is under one statement, else `signature.leaf.size.hash.hash…`. */
export function writeNodeSignature({ signature, leaf, size, path }: WrittenSignature): string {
  return size === 1 ? signature : [signature, leaf, size, ...path].join('.');
}

/** Undefined for what is no such text. Whether the path fits its place, `siblingSides` says. */
export function readNodeSignature(text: string): BatchSignature | undefined {
  const [first = '', ...rest] = text.split('.');
  const signature = base64UrlToBytes(first);
  if (signature === undefined) return undefined;
  if (rest.length === 0) return { signature, leaf: 0, size: 1, path: [] };
  const [leaf, size] = rest.slice(0, 2).map((count) => (/^(0|[1-9]\d{0,2})$/.test(count) ? Number(count) : undefined));
  const path = rest.slice(2).map(base64UrlToBytes);
  if (leaf === undefined || size === undefined || size < 2 || size > MOST_IN_BATCH || leaf >= size) return undefined;
  if (!path.every((hash) => hash?.length === HASH_BYTES)) return undefined;
  return { signature, leaf, size, path: path as Sha256[] };
}

/** What a node signs for a batch of more than one statement. */
export function batchBytes(root: Sha256, size: number): Uint8Array<ArrayBuffer> {
  const label = new TextEncoder().encode('sparewatt receipt batch, node 2\n');
  const content = canonicalBytes({ root: bytesToHex(root), size });
  const bytes = new Uint8Array(label.length + content.length);
  bytes.set(label);
  bytes.set(content, label.length);
  return bytes;
}

/** What is hashed on the way from a leaf to its root, one after the other; undefined for a path that does not fit. */
export function pathInputs({
  leaf,
  size,
  path,
}: BatchSignature): ((below: Sha256) => Uint8Array<ArrayBuffer>)[] | undefined {
  const sides = siblingSides(leaf, size);
  if (sides.length !== path.length) return undefined;
  return path.map(
    (sibling, step) => (below) => (sides[step] === 'left' ? nodeInput(sibling, below) : nodeInput(below, sibling)),
  );
}
