/** A part of the seam to transformers.js (see `environment.ts`): pictures from files, and into them. */
import { RawImage } from '@huggingface/transformers';
import { Problem } from '../../../problems/problem.ts';
import { MOST_PIXELS, readImageHead } from '../../media/image-head.ts';

/** A picture as the library holds it. */
export type Picture = Pick<RawImage, 'width' | 'height' | 'channels' | 'data'>;

/** Errors: those of `readImageHead`, `invalid_image` for one that is broken further on. */
export async function readPicture(bytes: Uint8Array, param = 'image'): Promise<Picture> {
  readImageHead(bytes, param);
  try {
    // Pixels of every picture are red, green and blue, whatever its file held.
    return (await RawImage.fromBlob(new Blob([bytes as Uint8Array<ArrayBuffer>]))).rgb();
  } catch (error) {
    throw new Problem('invalid_image', 'The picture is broken. Send a whole one.', { param, cause: error });
  }
}

/** All pictures of a job, which are unpacked at the same time and so have one limit together. */
export async function readPictures(files: readonly Uint8Array[], param = 'image'): Promise<Picture[]> {
  const heads = files.map((bytes) => readImageHead(bytes, param));
  const pixels = heads.reduce((sum, { width, height }) => sum + width * height, 0);
  if (pixels > MOST_PIXELS) {
    const sentence = `The pictures of one job may have ${MOST_PIXELS} pixels together, and these have ${pixels}.`;
    throw new Problem('invalid_image', `${sentence} Send fewer at a time.`, { param });
  }
  return await Promise.all(files.map((bytes) => readPicture(bytes, param)));
}

export async function writePng(picture: Picture): Promise<Uint8Array> {
  const image = picture as RawImage;
  if (typeof OffscreenCanvas !== 'undefined') {
    const blob = (await image.toBlob('image/png')) as Blob;
    return new Uint8Array(await blob.arrayBuffer());
  }
  return new Uint8Array(await image.toSharp().png().toBuffer());
}
