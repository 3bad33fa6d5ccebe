/** A piece of a Matroska file that holds no others. */
export type EbmlLeaf = { readonly id: number; readonly body: Uint8Array };

/** What has others within it and is walked through: segment, tracks, one track, cluster, block group. */
const WALKED_THROUGH: ReadonlySet<number> = new Set([0x18538067, 0x1654ae6b, 0xae, 0x1f43b675, 0xa0]);
export const TRACK_BEGINS = 0xae;

/**
 * The leaves of a Matroska file (RFC 8794) in order; `TRACK_BEGINS` stands among them as an empty one. What leaves stand in is
 * entered and never left: whoever records live cannot know how long a segment or cluster will be, and a length that nobody
 * believes can do no harm. A leaf that claims to go on behind the end is cut off, or passed over.
 */
export function* ebmlLeaves(bytes: Uint8Array): Generator<EbmlLeaf> {
  let at = 0;
  while (at < bytes.length) {
    const id = readNumber(bytes, at, 4, false);
    if (id === undefined) return;
    const size = readNumber(bytes, at + id.length, 8, true);
    if (size === undefined) return;
    const start = at + id.length + size.length;
    if (WALKED_THROUGH.has(id.value)) {
      if (id.value === TRACK_BEGINS) yield { id: id.value, body: bytes.subarray(start, start) };
      at = start;
      continue;
    }
    at = start + size.value;
    if (at <= bytes.length) yield { id: id.value, body: bytes.subarray(start, at) };
  }
}

export type EbmlNumber = { readonly value: number; readonly length: number };

/**
 * A number that says by its leading zeros how many bytes it has; of ids the mark of that is a part. Undefined where there is
 * none. What is too large to be exact is larger than any file.
 */
export function readNumber(
  bytes: Uint8Array,
  at: number,
  mostBytes: number,
  isMarkRemoved: boolean,
): EbmlNumber | undefined {
  const first = bytes[at] ?? 0;
  const length = Math.clz32(first) - 23;
  if (length > mostBytes || at + length > bytes.length) return undefined;
  let value = isMarkRemoved ? first & (0xff >> length) : first;
  for (let index = 1; index < length; index++) value = value * 256 + (bytes[at + index] ?? 0);
  return { value, length };
}
