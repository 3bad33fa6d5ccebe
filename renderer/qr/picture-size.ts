export type PictureSize = { width: number; height: number };

/**
 * Width and height in pixels as a PNG, JPEG or WebP names them, undefined for anything else. Nothing is unpacked: a file of
 * a few kilobytes may name more pixels than there is memory. GIF is left out, whose frames may be larger than it says.
 */
export function pictureSize(bytes: Uint8Array<ArrayBuffer>): PictureSize | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return sizeOfPng(view) ?? sizeOfWebp(view) ?? sizeOfJpeg(view);
  } catch (error) {
    // It ends before its size does.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

const PNG = 0x89504e47;
const IHDR = 0x49484452;

function sizeOfPng(view: DataView): PictureSize | undefined {
  if (view.getUint32(0) !== PNG || view.getUint32(12) !== IHDR) return undefined;
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

const RIFF = 0x52494646;
const WEBP = 0x57454250;
const LOSSY = 0x56503820;
const LOSSLESS = 0x5650384c;
const EXTENDED = 0x56503858;

function sizeOfWebp(view: DataView): PictureSize | undefined {
  if (view.getUint32(0) !== RIFF || view.getUint32(8) !== WEBP) return undefined;
  switch (view.getUint32(12)) {
    case LOSSY:
      return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
    case LOSSLESS: {
      const bits = view.getUint32(21, true);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case EXTENDED:
      return { width: (view.getUint32(23, true) >>> 8) + 1, height: (view.getUint32(26, true) >>> 8) + 1 };
    default:
      return undefined;
  }
}

const JPEG = 0xffd8;
const MARKER = 0xff;
const START_OF_SCAN = 0xda;
/** Between the frames' own markers, and none of them. */
const NO_FRAME = new Set([0xc4, 0xc8, 0xcc]);

/** The size stands in the head of the frame, behind what cameras and editors put before it. */
function sizeOfJpeg(view: DataView): PictureSize | undefined {
  if (view.getUint16(0) !== JPEG) return undefined;
  let at = 2;
  while (view.getUint8(at) === MARKER) {
    const marker = view.getUint8(at + 1);
    if (marker === START_OF_SCAN) return undefined;
    if (marker === MARKER) {
      at += 1;
      continue;
    }
    if (marker >= 0xc0 && marker <= 0xcf && !NO_FRAME.has(marker)) {
      return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    }
    at += 2 + Math.max(view.getUint16(at + 2), 2);
  }
  return undefined;
}
