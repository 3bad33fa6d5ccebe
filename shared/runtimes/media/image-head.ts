import { Problem } from '../../problems/problem.ts';
import { hasText } from './media-bytes.ts';

export type ImageHead = { form: 'png' | 'jpeg' | 'gif' | 'webp'; width: number; height: number };

/** A picture of this size takes 200 MB once it is unpacked; a few bytes can claim to be much larger. */
export const MOST_PIXELS = 50_000_000;

/**
 * What a picture's first bytes say of it, before anything is unpacked. Forms that can hold scripts or addresses, such
 * as SVG, are none of these. Errors: `unsupported_media` for another form, `invalid_image` for a broken or huge one.
 */
export function readImageHead(bytes: Uint8Array, param = 'image'): ImageHead {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const head = pngHead(bytes, view) ?? jpegHead(bytes, view) ?? gifHead(bytes, view) ?? webpHead(bytes, view);
  if (head === undefined) {
    throw new Problem('unsupported_media', 'This is no picture in a known form. Send it as png, jpeg, webp or gif.', {
      param,
    });
  }
  if (head.width > 0 && head.height > 0 && head.width * head.height <= MOST_PIXELS) return head;
  const sentence = `A picture may have ${MOST_PIXELS} pixels, and this has ${head.width} x ${head.height}.`;
  throw new Problem('invalid_image', `${sentence} Send a smaller one.`, { param });
}

function pngHead(bytes: Uint8Array, view: DataView): ImageHead | undefined {
  if (!hasText(bytes, 1, 'PNG') || bytes.length < 24) return undefined;
  return { form: 'png', width: view.getUint32(16), height: view.getUint32(20) };
}

/** Where the first frame reaches beyond the screen, decoders make the screen as large. */
function gifHead(bytes: Uint8Array, view: DataView): ImageHead | undefined {
  if (!hasText(bytes, 0, 'GIF8') || bytes.length < 13) return undefined;
  const [width, height] = [view.getUint16(6, true), view.getUint16(8, true)];
  const at = firstFrameOfGif(bytes);
  if (at === undefined) return undefined;
  if (bytes[at] !== GIF_FRAME || at + 9 > bytes.length) return { form: 'gif', width, height };
  const right = view.getUint16(at + 1, true) + view.getUint16(at + 5, true);
  const bottom = view.getUint16(at + 3, true) + view.getUint16(at + 7, true);
  return { form: 'gif', width: Math.max(width, right), height: Math.max(height, bottom) };
}

const GIF_FRAME = 0x2c;
const GIF_EXTENSION = 0x21;
const GIF_COMMENT = 0xfe;

/**
 * Behind the colours, and behind extensions, which are blocks that name their lengths up to an empty one. Decoders do not agree where
 * one ends that has nothing in it and is no comment: there is no such place then.
 */
function firstFrameOfGif(bytes: Uint8Array): number | undefined {
  const flags = bytes[10] ?? 0;
  let at = 13 + (flags & 0x80 ? 3 * 2 ** ((flags & 0x07) + 1) : 0);
  while (bytes[at] === GIF_EXTENSION) {
    if (bytes[at + 2] === 0 && bytes[at + 1] !== GIF_COMMENT) return undefined;
    at += 2;
    for (let size = bytes[at] ?? 0; size > 0; size = bytes[at] ?? 0) at += 1 + size;
    at += 1;
  }
  return at;
}

/**
 * Each part names its length, but for those that stand alone; the size stands in the one that begins the frame (C0 to CF, but for
 * three tables). Where a decoder would look for the next part elsewhere, it could find another size there.
 */
function jpegHead(bytes: Uint8Array, view: DataView): ImageHead | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined;
  for (let at = 2; at + 9 <= bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1] ?? 0;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return { form: 'jpeg', width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    // No marker: decoders look for one behind it.
    if (marker === 0x00) return undefined;
    const standsAlone = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
    if (marker === 0xff) at += 1;
    else at += standsAlone ? 2 : 2 + view.getUint16(at + 2);
  }
  return undefined;
}

function webpHead(bytes: Uint8Array, view: DataView): ImageHead | undefined {
  if (!hasText(bytes, 0, 'RIFF') || !hasText(bytes, 8, 'WEBPVP8') || bytes.length < 30) return undefined;
  const kind = String.fromCharCode(bytes[15] ?? 0);
  if (kind === 'X') return { form: 'webp', width: 1 + uint24(view, 24), height: 1 + uint24(view, 27) };
  if (kind === 'L') {
    const packed = view.getUint32(21, true);
    return { form: 'webp', width: 1 + (packed & 0x3fff), height: 1 + ((packed >>> 14) & 0x3fff) };
  }
  return { form: 'webp', width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
}

function uint24(view: DataView, at: number): number {
  return view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
}
