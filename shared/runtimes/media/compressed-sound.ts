/**
 * The seam of the libraries that decode sound. Their WebAssembly lies in their modules, which are loaded when the first
 * recording of a form comes.
 */
import { Problem } from '../../problems/problem.ts';
import type { Sound } from './wav.ts';

export type CompressedForm = 'mp3' | 'flac' | 'vorbis' | 'opus';

type Decoded = { channelData: Float32Array[]; samplesDecoded: number; sampleRate: number; errors: readonly unknown[] };
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
/** A few bytes of silence can stand for days. What is within it takes 350 MB while it is read. */
const LONGEST_S = 1_800;

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
  const parts: Float32Array[] = [];
  let length = 0;
  let rateHz = 0;
  let faults = 0;
  const take = ({ channelData, errors, sampleRate, samplesDecoded }: Decoded): void => {
    faults += errors.length;
    if (samplesDecoded === 0) return;
    // What changes its rate in the middle is two recordings, of which the first is read.
    if (rateHz !== 0 && sampleRate !== rateHz) return;
    rateHz = sampleRate;
    length += samplesDecoded;
    if (length > longestS * rateHz) throw tooLong(longestS);
    parts.push(averageOf(channelData, samplesDecoded));
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
  if (length === 0) throw broken(form);
  return { samples: joined(parts, length), rateHz };
}

/** A decoder that hostile bytes have led astray may not even end well; its memory goes with it. */
function letGo(decoder: Decoder): void {
  try {
    decoder.free();
  } catch {
    // It is collected like any other object.
  }
}

function averageOf(channels: readonly Float32Array[], length: number): Float32Array {
  const average = new Float32Array(length);
  for (const channel of channels) {
    for (let at = 0; at < length; at++) average[at] = (average[at] ?? 0) + (channel[at] ?? 0) / channels.length;
  }
  return average;
}

function joined(parts: readonly Float32Array[], length: number): Float32Array {
  const whole = new Float32Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function broken(form: CompressedForm, cause?: unknown): Problem {
  const sentence = `The recording begins as ${form} and holds no sound. Send it again, or as wav.`;
  return new Problem('invalid_audio', sentence, { param: 'audio', ...(cause === undefined ? {} : { cause }) });
}

function tooLong(longestS: number): Problem {
  const sentence = `The recording is longer than ${longestS / 60} minutes. Send it in parts.`;
  return new Problem('invalid_audio', sentence, { param: 'audio' });
}
