import { Problem } from '../../problems/problem.ts';
import { hasText } from './media-bytes.ts';
import { assertBounded } from './sound-parts.ts';

/** One channel of samples from -1 to 1. */
export type Sound = { readonly samples: Float32Array; readonly rateHz: number };

type Format = { code: number; channels: number; rateHz: number; bits: number };
type ReadSample = (view: DataView, offset: number) => number;

const PCM = 1;
const FLOAT = 3;
/** The real code then stands at the end of the chunk. */
const EXTENSIBLE = 0xfffe;
const CHUNK_HEAD_BYTES = 8;
const MOST_CHANNELS = 32;

/** Reads PCM of 8, 16, 24 or 32 bits and floats of 32 or 64; channels are averaged. Errors: `invalid_audio`, also for more than half an hour. */
export function decodeWav(bytes: Uint8Array): Sound {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let format: Format | undefined;
  for (let at = 12; at + CHUNK_HEAD_BYTES <= bytes.length; ) {
    const size = view.getUint32(at + 4, true);
    const start = at + CHUNK_HEAD_BYTES;
    if (hasText(bytes, at, 'fmt ')) format = readFormat(view, start, size);
    // Writers of streams leave the size open, and a recording that was cut short is still one.
    if (hasText(bytes, at, 'data')) return readSamples(view, start, Math.min(size, bytes.length - start), format);
    at = start + size + (size % 2);
  }
  throw broken('has no samples');
}

function readFormat(view: DataView, start: number, size: number): Format {
  if (size < 16 || start + size > view.byteLength) throw broken('ends in its head');
  const code = view.getUint16(start, true);
  const isExtended = code === EXTENSIBLE && size >= 40;
  return {
    code: isExtended ? view.getUint16(start + 24, true) : code,
    channels: view.getUint16(start + 2, true),
    rateHz: view.getUint32(start + 4, true),
    bits: view.getUint16(start + 14, true),
  };
}

function readSamples(view: DataView, start: number, size: number, format: Format | undefined): Sound {
  if (format === undefined) throw broken('says nothing of its samples');
  const { channels, rateHz, bits } = format;
  const read = readerOf(format);
  if (read === undefined || channels < 1 || channels > MOST_CHANNELS) {
    throw broken(`is of a kind that is not known (${bits} bits, ${channels} channels)`);
  }
  const width = bits / 8;
  const frames = Math.floor(size / (width * channels));
  if (frames === 0) throw broken('has no samples');
  assertBounded(frames, rateHz);
  const samples = new Float32Array(frames);
  let offset = start;
  for (let frame = 0; frame < frames; frame++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++, offset += width) sum += read(view, offset);
    samples[frame] = sum / channels;
  }
  return { samples, rateHz };
}

function readerOf({ code, bits }: Format): ReadSample | undefined {
  if (code === FLOAT && bits === 32) return (view, at) => finite(view.getFloat32(at, true));
  if (code === FLOAT && bits === 64) return (view, at) => finite(view.getFloat64(at, true));
  if (code !== PCM) return undefined;
  if (bits === 8) return (view, at) => (view.getUint8(at) - 128) / 128;
  if (bits === 16) return (view, at) => view.getInt16(at, true) / 32_768;
  if (bits === 24) return (view, at) => ((view.getInt8(at + 2) << 16) | view.getUint16(at, true)) / 8_388_608;
  return bits === 32 ? (view, at) => view.getInt32(at, true) / 2_147_483_648 : undefined;
}

/** One value that is no number would make a whole recording unreadable. */
function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}

/** Writes PCM of 16 bits, one channel. */
export function encodeWav({ samples, rateHz }: Sound): Uint8Array {
  const pcm = encodePcm16(samples);
  const bytes = new Uint8Array(44 + pcm.length);
  const view = new DataView(bytes.buffer);
  const text = (at: number, value: string) => bytes.set(new TextEncoder().encode(value), at);
  text(0, 'RIFF');
  view.setUint32(4, 36 + pcm.length, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, PCM, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rateHz, true);
  view.setUint32(28, rateHz * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, 'data');
  view.setUint32(40, pcm.length, true);
  bytes.set(pcm, 44);
  return bytes;
}

/** Samples as 16-bit little-endian integers, clipped to what these can hold. */
export function encodePcm16(samples: Float32Array): Uint8Array {
  const bytes = new Uint8Array(samples.length * 2);
  const view = new DataView(bytes.buffer);
  for (const [index, sample] of samples.entries()) {
    view.setInt16(index * 2, Math.round(Math.max(-1, Math.min(1, sample)) * 32_767), true);
  }
  return bytes;
}

function broken(how: string): Problem {
  return new Problem('invalid_audio', `The wav file ${how}. Send a whole one.`, { param: 'audio' });
}
