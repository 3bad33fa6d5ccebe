import { isNodeId } from '../protocol/subjects.ts';

const SLUG_MAX_LENGTH = 24;
/** Characters of the key that follow its type prefix; ten of base32 are 50 bits, and the relay refuses a second key. */
const FINGERPRINT_LENGTH = 10;

/**
 * A node's id: a slug its owner recognises and a fingerprint of its public key, such as `attic-pc-k3vxq2mzla`.
 * The id follows from key and name alone, so that it survives a relay that forgot the node.
 */
export function nodeIdOf(name: string, publicKey: string): string {
  const slug = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, SLUG_MAX_LENGTH)
    .replace(/^-+|-+$/g, '');
  const id = `${slug || 'node'}-${publicKey.slice(1, 1 + FINGERPRINT_LENGTH).toLowerCase()}`;
  if (!isNodeId(id)) throw new TypeError(`not a node key: ${publicKey.slice(0, 4)}…`);
  return id;
}

/** The part of a node's id that its owner recognises, such as `attic-pc`. */
export function slugOf(nodeId: string): string {
  const end = nodeId.length - FINGERPRINT_LENGTH - 1;
  return nodeId[end] === '-' && end > 0 ? nodeId.slice(0, end) : nodeId;
}
