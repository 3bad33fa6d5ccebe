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

function gifHead(bytes: Uint8Array, view: DataView): ImageHead | undefined {
  if (!hasText(bytes, 0, 'GIF8') || bytes.length < 10) return undefined;
  return { form: 'gif', width: view.getUint16(6, true), height: view.getUint16(8, true) };
}

/** Each part names its length; the size stands in the one that begins the frame (C0 to CF, but for three tables). */
function jpegHead(bytes: Uint8Array, view: DataView): ImageHead | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined;
  for (let at = 2; at + 9 <= bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1] ?? 0;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return { form: 'jpeg', width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    // Filling bytes stand alone.
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
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
