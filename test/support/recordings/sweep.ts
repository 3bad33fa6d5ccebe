import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resample } from '../../../shared/runtimes/media/resample.ts';
import type { Sound } from '../../../shared/runtimes/media/wav.ts';

export const SWEEP_RATE_HZ = 16_000;
/** Codecs add silence before what they were given. */
const MOST_DELAY = 2_500;
/** The recordings here, by the ends of their names, and how their sound is packed. */
export const RECORDING_FORMS = { flac: 'flac', mp3: 'mp3', ogg: 'vorbis', opus: 'opus' } as const;
export const RECORDINGS = ['flac', 'mp3', 'ogg', 'opus'] as const;
/** Those within a container that every host takes apart and decodes, and those whose sound only some hosts decode. */
export const CONTAINED = ['sweep.webm', 'sweep-live.webm', 'sweep-vorbis.webm', 'sweep-opus.mp4'] as const;
export const AAC_RECORDINGS = ['sweep.m4a', 'sweep.mp4'] as const;

export function recording(name: keyof typeof RECORDING_FORMS): Uint8Array {
  return recordingFile(`sweep.${name}`);
}

export function recordingFile(name: string): Uint8Array {
  return readFileSync(new URL(`./${name}`, import.meta.url));
}

/** What all of them hold: a second in which a tone rises from 300 to 1,100 Hz. */
export const SWEEP = Float32Array.from({ length: SWEEP_RATE_HZ }, (_, at) => {
  const t = at / SWEEP_RATE_HZ;
  return 0.375 * Math.sin(2 * Math.PI * (300 + 400 * t) * t);
});

/** Throws unless the sweep was heard: as long, as loud, and with a cosine above 0.99. */
export function assertIsSweep(name: string, { samples, rateHz }: Sound): void {
  // Opus knows one rate.
  const isOpus = ['opus', 'sweep.webm', 'sweep-live.webm', 'sweep-opus.mp4'].includes(name);
  assert.equal(rateHz, isOpus ? 48_000 : SWEEP_RATE_HZ);
  const heard = resample(samples, rateHz, SWEEP_RATE_HZ);
  assert.ok(Math.abs(heard.length - SWEEP_RATE_HZ) < MOST_DELAY, `${heard.length} samples`);
  const best = Math.max(...Array.from({ length: MOST_DELAY }, (_, from) => likeness(heard, from)));
  assert.ok(best > 0.99, `likeness ${best}`);
  const loudest = Math.max(...heard);
  assert.ok(loudest > 0.34 && loudest < 0.42, `${name} is as loud as it was: ${loudest}`);
}

/** The cosine of the angle between the sweep and what was heard, from a sample on. Taken 2,500 times a recording. */
function likeness(heard: Float32Array, from: number): number {
  let product = 0;
  let own = 0;
  let other = 0;
  for (let at = 0; at < 12_000; at++) {
    const a = SWEEP[at] ?? 0;
    const b = heard[at + from] ?? 0;
    product += a * b;
    own += a * a;
    other += b * b;
  }
  return product / Math.sqrt(own * other);
}
