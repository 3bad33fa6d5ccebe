import { isUtf8 } from 'node:buffer';

/** A line of a file as it lies there. Without a text it is larger than it may be, or no UTF-8. */
export type RawLine = { number: number; atByte: number; sizeBytes: number; text: string | undefined };

const NEW_LINE = 0x0a;

/**
 * The lines of a file, together those that end in the same piece of it; those without a byte are counted and passed over. Of
 * a line that is too large no more is held than it may have.
 */
export async function* rawLines(source: AsyncIterable<Uint8Array>, mostBytes: number): AsyncGenerator<RawLine[]> {
  let number = 1;
  let atByte = 0;
  let sizeBytes = 0;
  let pieces: Uint8Array[] = [];
  const add = (piece: Uint8Array): void => {
    sizeBytes += piece.length;
    if (sizeBytes <= mostBytes) pieces.push(piece);
    else pieces = [];
  };
  const end = (): RawLine | undefined => {
    const line =
      sizeBytes === 0 ? undefined : { number, atByte, sizeBytes, text: textOf(pieces, sizeBytes, mostBytes) };
    number += 1;
    atByte += sizeBytes + 1;
    sizeBytes = 0;
    pieces = [];
    return line;
  };
  for await (const chunk of source) {
    const lines: RawLine[] = [];
    let from = 0;
    for (let at = chunk.indexOf(NEW_LINE); at !== -1; at = chunk.indexOf(NEW_LINE, from)) {
      if (from < at) add(chunk.subarray(from, at));
      from = at + 1;
      const line = end();
      if (line !== undefined) lines.push(line);
    }
    if (from < chunk.length) add(chunk.subarray(from));
    yield lines;
  }
  const last = end();
  if (last !== undefined) yield [last];
}

function textOf(pieces: readonly Uint8Array[], sizeBytes: number, mostBytes: number): string | undefined {
  if (sizeBytes > mostBytes) return undefined;
  const bytes = Buffer.concat(pieces);
  // A file may begin with a mark of its order of bytes, which counts as white space.
  return isUtf8(bytes) ? bytes.toString('utf8').trim() : undefined;
}
