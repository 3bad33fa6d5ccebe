/** 32 bytes. */
export type Sha256 = Uint8Array;

const LEAF = 0;
const NODE = 1;

/** What is hashed for a leaf (RFC 6962): the prefix keeps a leaf from ever being taken for an inner node. */
export function leafInput(content: Uint8Array): Uint8Array<ArrayBuffer> {
  const input = new Uint8Array(1 + content.length);
  input[0] = LEAF;
  input.set(content, 1);
  return input;
}

/** What is hashed for an inner node. */
export function nodeInput(left: Sha256, right: Sha256): Uint8Array<ArrayBuffer> {
  const input = new Uint8Array(1 + left.length + right.length);
  input[0] = NODE;
  input.set(left, 1);
  input.set(right, 1 + left.length);
  return input;
}
