import { Problem } from '../../problems/problem.ts';
import type { SoundParts } from './sound-parts.ts';

/** What is decoded before what it became is awaited: some ten seconds. */
const PACKETS_AT_ONCE = 512;

export type AacRecording = {
  readonly setup: Uint8Array;
  readonly channels: number;
  readonly rateHz: number;
  readonly packets: readonly Uint8Array[];
};

/**
 * Decodes AAC by the host's own decoder, which browsers and Electron have. Errors: `invalid_audio` where there is none, and for
 * what it does not take.
 */
export async function decodeByHost(
  { setup, channels, rateHz, packets }: AacRecording,
  parts: SoundParts,
): Promise<void> {
  const config = {
    codec: `mp4a.40.${objectTypeOf(setup)}`,
    sampleRate: rateHz,
    numberOfChannels: channels,
    description: Uint8Array.from(setup),
  };
  if (typeof AudioDecoder !== 'function' || !(await isSupported(config))) throw withoutDecoder();
  let fault: unknown;
  const decoder = new AudioDecoder({
    output: (data) => {
      try {
        take(data, parts);
      } catch (error) {
        fault ??= error;
      } finally {
        data.close();
      }
    },
    error: (error) => {
      fault ??= error;
    },
  });
  try {
    decoder.configure(config);
    for (let from = 0; from < packets.length && fault === undefined; from += PACKETS_AT_ONCE) {
      for (const data of packets.slice(from, from + PACKETS_AT_ONCE)) {
        decoder.decode(new EncodedAudioChunk({ type: 'key', timestamp: 0, data: Uint8Array.from(data) }));
      }
      await decoder.flush();
    }
  } catch (error) {
    fault ??= error;
  } finally {
    if (decoder.state !== 'closed') decoder.close();
  }
  // What breaks in the middle was sound up to there.
  if (fault instanceof Problem) throw fault;
}

function take(data: AudioData, parts: SoundParts): void {
  const { numberOfFrames, numberOfChannels, sampleRate } = data;
  const channelData = Array.from({ length: numberOfChannels }, (_, planeIndex) => {
    const samples = new Float32Array(numberOfFrames);
    data.copyTo(samples, { planeIndex, format: 'f32-planar' });
    return samples;
  });
  parts.take({ channelData, sampleRate, samplesDecoded: numberOfFrames });
}

async function isSupported(config: AudioDecoderConfig): Promise<boolean> {
  try {
    return (await AudioDecoder.isConfigSupported(config)).supported === true;
  } catch {
    return false;
  }
}

/** Which AAC it is, in five bits, or behind 31 in six more. */
function objectTypeOf(setup: Uint8Array): number {
  const [first = 0, second = 0] = setup;
  const type = first >> 3;
  return type === 31 ? 32 + (((first & 0x07) << 3) | (second >> 5)) : type;
}

function withoutDecoder(): Problem {
  const sentence = 'This node does not decode AAC (m4a, mp4). Send the recording as wav, mp3, flac, ogg or webm.';
  return new Problem('invalid_audio', sentence, { param: 'audio' });
}
