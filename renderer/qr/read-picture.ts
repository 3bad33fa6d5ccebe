/** Why nothing was read in a picture. */
export type PictureFault = 'too_large' | 'not_a_picture' | 'no_code' | 'gave_up';
/** What all codes of a picture say, in no order that means something; at least one. */
export type PictureAnswer = { texts: string[] } | { fault: PictureFault };

/** A screenshot of 8K has 10 MB, a photograph of a phone about as many. */
const MOST_BYTES = 20_000_000;
/** A picture of noise takes seconds on a slow machine. */
const GIVE_UP_MS = 20_000;

/**
 * Reads the QR codes of a picture in a worker of its own, so that the page never waits; nothing is sent or kept.
 *
 * 1. The worker ends with the answer, with `signal`, or when it takes too long, whatever the picture does to it.
 * 2. A picture that is too large is not unpacked.
 *
 * Rejects with the signal's reason alone; whatever else goes wrong is a fault in the answer.
 */
export async function readPicture(picture: Blob, signal: AbortSignal): Promise<PictureAnswer> {
  signal.throwIfAborted();
  if (picture.size > MOST_BYTES) return { fault: 'too_large' };
  const worker = new Worker(new URL('./qr-worker.ts', import.meta.url), { type: 'module' });
  const { promise, resolve, reject } = Promise.withResolvers<PictureAnswer>();
  const giveUp = (): void => resolve({ fault: 'gave_up' });
  const timer = setTimeout(giveUp, GIVE_UP_MS);
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort);
  worker.addEventListener('message', ({ data }: MessageEvent<PictureAnswer>) => resolve(data));
  worker.addEventListener('error', giveUp);
  worker.postMessage(picture);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    worker.terminate();
  }
}
