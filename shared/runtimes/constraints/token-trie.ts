/**
 * The bytes of all tokens as a tree, laid out flat in the order of a walk, so that a walk runs forward through memory
 * and skips what it does not enter. Node 0 is the root.
 */
export type TokenTrie = {
  readonly nodes: number;
  /** One more than the largest token id. */
  readonly tokens: number;
  /** The byte that leads to a node, and how many bytes lead there. */
  readonly byte: Uint8Array;
  readonly depth: Uint8Array;
  /** The node that a node is below; the root is below itself. */
  readonly parent: Int32Array;
  /** All nodes to which a byte leads. */
  nodesOf(byte: number): Int32Array;
  /** The first node after a node's subtree. */
  readonly end: Int32Array;
  /** The first token that ends at a node, and the next that has the same bytes; -1 for none. */
  readonly token: Int32Array;
  readonly sameBytes: Int32Array;
  /** Empty for a token that takes no part. */
  bytesOf(token: number): Uint8Array;
  /** The tokens of exactly this text, in characters that each stand for one byte. */
  tokensOf(text: string): number[];
  /** Lengths of all tokens that `text` goes on with at `from`. */
  prefixLengths(text: string, from: number): number[];
};

const NO_BYTES = new Uint8Array(0);
const NO_NODES = new Int32Array(0);

/** Tokens by id; `null` for those that take no part. */
export function createTokenTrie(tokens: readonly (Uint8Array | null)[]): TokenTrie {
  const ids = sortedIds(tokens);
  const most = 1 + tokens.reduce((sum, bytes) => sum + (bytes?.length ?? 0), 0);
  const byte = new Uint8Array(most);
  const depth = new Uint8Array(most);
  const parent = new Int32Array(most);
  const end = new Int32Array(most);
  const token = new Int32Array(most).fill(-1);
  const sameBytes = new Int32Array(tokens.length).fill(-1);
  const path = [0];
  let nodes = 1;
  let previous: Uint8Array = new Uint8Array(0);

  for (const id of ids) {
    const bytes = tokens[id] ?? previous;
    const shared = sharedLength(previous, bytes);
    while (path.length > shared + 1) end[path.pop() ?? 0] = nodes;
    for (let at = shared; at < bytes.length; at++) {
      byte[nodes] = bytes[at] ?? 0;
      depth[nodes] = at + 1;
      parent[nodes] = path.at(-1) ?? 0;
      path.push(nodes++);
    }
    const node = path.at(-1) ?? 0;
    sameBytes[id] = token[node] ?? -1;
    token[node] = id;
    previous = bytes;
  }
  while (path.length > 0) end[path.pop() ?? 0] = nodes;

  const byByte = nodesByByte(byte.subarray(0, nodes));

  function childOf(node: number, wanted: number): number {
    for (let child = node + 1; child < (end[node] ?? 0); child = end[child] ?? 0)
      if (byte[child] === wanted) return child;
    return -1;
  }

  return {
    nodes,
    tokens: tokens.length,
    byte: byte.slice(0, nodes),
    depth: depth.slice(0, nodes),
    parent: parent.slice(0, nodes),
    nodesOf: (wanted) => byByte[wanted] ?? NO_NODES,
    end: end.slice(0, nodes),
    token: token.slice(0, nodes),
    sameBytes,
    bytesOf: (id) => tokens[id] ?? NO_BYTES,
    tokensOf(text) {
      let node = 0;
      for (let at = 0; at < text.length && node !== -1; at++) node = childOf(node, text.charCodeAt(at));
      const found: number[] = [];
      if (node > 0) for (let id = token[node] ?? -1; id !== -1; id = sameBytes[id] ?? -1) found.push(id);
      return found;
    },
    prefixLengths(text, from) {
      const lengths: number[] = [];
      let node = 0;
      for (let at = from; at < text.length; at++) {
        node = childOf(node, text.charCodeAt(at));
        if (node === -1) break;
        if (token[node] !== -1) lengths.push(at - from + 1);
      }
      return lengths;
    },
  };
}

/** The root, to which no byte leads, is in none. */
function nodesByByte(byteOf: Uint8Array): Int32Array[] {
  const lists = Array.from({ length: 256 }, (): number[] => []);
  for (let node = 1; node < byteOf.length; node++) lists[byteOf[node] ?? 0]?.push(node);
  return lists.map((nodes) => Int32Array.from(nodes));
}

/** Ids in the order of their tokens' bytes. */
function sortedIds(tokens: readonly (Uint8Array | null)[]): number[] {
  const texts = tokens.map((bytes) => (bytes === null ? '' : String.fromCharCode(...bytes)));
  const ids = [...tokens.keys()].filter((id) => texts[id] !== '');
  return ids.sort((left, right) => {
    const [a = '', b = ''] = [texts[left], texts[right]];
    return a < b ? -1 : a > b ? 1 : right - left;
  });
}

function sharedLength(left: Uint8Array, right: Uint8Array): number {
  const most = Math.min(left.length, right.length);
  let length = 0;
  while (length < most && left[length] === right[length]) length++;
  return length;
}
