/**
 * The seam of the libraries that decode sound. Their WebAssembly lies in their modules, which are loaded when the first
 * recording of a form comes.
 */
import { Problem } from '../../problems/problem.ts';
import { type DecodedPart, gatherSound, LONGEST_S } from './sound-parts.ts';
import type { Sound } from './wav.ts';

export type CompressedForm = 'mp3' | 'flac' | 'vorbis' | 'opus';

type Decoded = DecodedPart & { errors: readonly unknown[] };
type Decoder = {
  ready: Promise<void>;
  decode(bytes: Uint8Array): Decoded | Promise<Decoded>;
  flush?(): Decoded | Promise<Decoded>;
  free(): void;
};

/** Two kilobytes of the densest form, silence in flac, are some minutes of sound: no more than that is made at once. */
const CHUNK_BYTES = 2_048;
/** Each fault is told on the error output by the libraries; what has so many is noise from there on. */
const MOST_FAULTS = 20;

const OPEN: Record<CompressedForm, () => Promise<Decoder>> = {
  mp3: async () => new (await import('mpg123-decoder')).MPEGDecoder(),
  flac: async () => new (await import('@wasm-audio-decoders/flac')).FLACDecoder(),
  vorbis: async () => new (await import('@wasm-audio-decoders/ogg-vorbis')).OggVorbisDecoder(),
  opus: async () => new (await import('ogg-opus-decoder')).OggOpusDecoder(),
};

/**
 * Reads a compressed recording, its channels averaged; one that breaks off is read as far as it goes. Errors:
 * `invalid_audio` for what holds no sound, and for more than half an hour.
 */
export async function decodeCompressed(
  form: CompressedForm,
  bytes: Uint8Array,
  longestS: number = LONGEST_S,
): Promise<Sound> {
  const decoder = await OPEN[form]();
  await decoder.ready;
  const parts = gatherSound(longestS);
  let faults = 0;
  const take = (decoded: Decoded): void => {
    faults += decoded.errors.length;
    parts.take(decoded);
  };
  try {
    for (let from = 0; from < bytes.length && faults < MOST_FAULTS; from += CHUNK_BYTES) {
      take(await decoder.decode(bytes.subarray(from, from + CHUNK_BYTES)));
    }
    if (decoder.flush !== undefined) take(await decoder.flush());
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw broken(form, error);
  } finally {
    letGo(decoder);
  }
  const sound = parts.whole();
  if (sound === undefined) throw broken(form);
  return sound;
}

/** A decoder that hostile bytes have led astray may not even end well; its memory goes with it. */
function letGo(decoder: Decoder): void {
  try {
    decoder.free();
  } catch {
    // It is collected like any other object.
  }
}

function broken(form: CompressedForm, cause?: unknown): Problem {
  const sentence = `The recording begins as ${form} and holds no sound. Send it again, or as wav.`;
  return new Problem('invalid_audio', sentence, { param: 'audio', ...(cause === undefined ? {} : { cause }) });
}
