/** A box of an MP4 file (ISO 14496-12) and what is in it. */
export type Box = { readonly type: string; readonly start: number; readonly body: Uint8Array };

const HEAD_BYTES = 8;
const LONG_HEAD_BYTES = 16;

/** A box that claims to go on behind the end goes up to there: a recording that breaks off is read as far as it goes. */
export function* boxesOf(bytes: Uint8Array, start = 0): Generator<Box> {
  for (let at = 0; at + HEAD_BYTES <= bytes.length; ) {
    const view = viewOf(bytes.subarray(at));
    const said = view.getUint32(0);
    const isLong = said === 1;
    if (isLong && view.byteLength < LONG_HEAD_BYTES) return;
    const headBytes = isLong ? LONG_HEAD_BYTES : HEAD_BYTES;
    const size = said === 0 ? view.byteLength : isLong ? Number(view.getBigUint64(8)) : said;
    if (size < headBytes) return;
    const end = Math.min(at + size, bytes.length);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    yield { type, start: start + at, body: bytes.subarray(at + headBytes, end) };
    at = end;
  }
}

/** The first of the boxes in these bytes that `is` one; a file can have a million, so that they are never listed. */
export function firstBox(bytes: Uint8Array, is: (box: Box) => boolean): Box | undefined {
  for (const box of boxesOf(bytes)) if (is(box)) return box;
  return undefined;
}

/** The first box at a path from this one down. */
export function boxAt(box: Box | undefined, ...path: readonly string[]): Box | undefined {
  let found = box;
  for (const type of path) {
    if (found === undefined) return undefined;
    found = firstBox(found.body, (one) => one.type === type);
  }
  return found;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
