/** Entry of a web worker that reads the codes of one picture; `read-picture.ts` starts and ends it. */
import { decodeQRBatch } from 'qr/decode.js';
import { Problem } from '../../shared/problems/problem.ts';
import { readImageHead } from '../../shared/runtimes/media/image-head.ts';
import type { PictureAnswer, PictureFault } from './read-picture.ts';

/** The part of a worker's own scope that is used here; the DOM's types know only pages. */
type WorkerScope = {
  postMessage(message: PictureAnswer): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<Blob>) => void): void;
};

/** What the library takes; larger pictures are scaled down to it. */
const LONGEST_SIDE = 4_096;
/** For what the library tries again when a picture is blurred or bent. */
const RETRIES_MS = 2_000;

const scope = globalThis as unknown as WorkerScope;
scope.addEventListener('message', ({ data }) => {
  // Most likely memory; the page waits for a word.
  void readCodes(data)
    .catch((): PictureAnswer => ({ fault: 'gave_up' }))
    .then((answer) => scope.postMessage(answer));
});

async function readCodes(file: Blob): Promise<PictureAnswer> {
  const fault = faultOf(new Uint8Array(await file.arrayBuffer()));
  if (fault !== undefined) return { fault };
  const bitmap = await createImageBitmap(file).catch(() => undefined);
  if (bitmap === undefined) return { fault: 'not_a_picture' };
  const pixels = pixelsOf(bitmap);
  const maxSize = { width: pixels.width, height: pixels.height };
  const [found = []] = await decodeQRBatch([pixels], { maxSize, timeLimit: RETRIES_MS });
  const texts = found.filter((each) => typeof each === 'string');
  return texts.length === 0 ? { fault: 'no_code' } : { texts };
}

/** Asked of the first bytes, before anything is unpacked. A GIF's frames may be larger than it says. */
function faultOf(bytes: Uint8Array): PictureFault | undefined {
  try {
    return readImageHead(bytes).form === 'gif' ? 'not_a_picture' : undefined;
  } catch (error) {
    if (error instanceof Problem) return error.code === 'invalid_image' ? 'too_large' : 'not_a_picture';
    throw error;
  }
}

/** On white, since what is transparent would count as black. */
function pixelsOf(bitmap: ImageBitmap): ImageData {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale))) as [
    number,
    number,
  ];
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (context === null) throw new Error('This browser draws nothing in a worker.');
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}
