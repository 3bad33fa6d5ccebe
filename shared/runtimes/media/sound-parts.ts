import { Problem } from '../../problems/problem.ts';
import type { Sound } from './wav.ts';

/** A piece of sound as decoders give it. */
export type DecodedPart = {
  readonly channelData: readonly Float32Array[];
  readonly samplesDecoded: number;
  readonly sampleRate: number;
};

/** A few bytes of silence can stand for days. What is within it takes 350 MB while it is read, at the rate of most recordings. */
export const LONGEST_S = 1_800;
const USUAL_HZ = 48_000;
/**
 * Below the telephone's 8 kHz with room, above studios' 192 kHz; other rates are a broken head. Formats can claim thousands of
 * millions, and to bring such a rate to a model's takes memory in proportion.
 */
const RATES_HZ = [2_000, 768_000] as const;

export type SoundParts = {
  /** Errors: `invalid_audio` when it is too long. */
  take(part: DecodedPart): void;
  /** All of it as one, its channels averaged; undefined when nothing came. */
  whole(): Sound | undefined;
};

/** Puts together what comes out of a decoder, up to `longestS` seconds. */
export function gatherSound(longestS: number = LONGEST_S): SoundParts {
  const parts: Float32Array[] = [];
  let length = 0;
  let rateHz = 0;
  return {
    take: ({ channelData, sampleRate, samplesDecoded }) => {
      if (samplesDecoded === 0) return;
      // What changes its rate in the middle is two recordings, of which the first is read.
      if (rateHz !== 0 && sampleRate !== rateHz) return;
      rateHz = sampleRate;
      length += samplesDecoded;
      assertBounded(length, rateHz, longestS);
      parts.push(averageOf(channelData, samplesDecoded));
    },
    whole: () => (length === 0 ? undefined : { samples: joinSamples(parts), rateHz }),
  };
}

function averageOf(channels: readonly Float32Array[], length: number): Float32Array {
  const average = new Float32Array(length);
  for (const channel of channels) {
    for (let at = 0; at < length; at++) average[at] = (average[at] ?? 0) + (channel[at] ?? 0) / channels.length;
  }
  return average;
}

/** The samples of all parts, in their order. */
export function joinSamples(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Errors: `invalid_audio` for a rate that no recording has, and for more sound or samples than are read. */
export function assertBounded(samples: number, rateHz: number, longestS: number = LONGEST_S): void {
  if (rateHz < RATES_HZ[0] || rateHz > RATES_HZ[1]) {
    throw refused(`The recording claims ${rateHz} samples a second. Send it as wav with ${USUAL_HZ} or less.`);
  }
  const minutes = longestS / 60;
  if (samples > longestS * rateHz) throw refused(`The recording is longer than ${minutes} minutes. Send it in parts.`);
  if (samples <= longestS * USUAL_HZ) return;
  const most = `${minutes} minutes have at ${USUAL_HZ} a second`;
  throw refused(`The recording has more samples than ${most}. Send it in parts, or at a lower rate.`);
}

function refused(sentence: string): Problem {
  return new Problem('invalid_audio', sentence, { param: 'audio' });
}
