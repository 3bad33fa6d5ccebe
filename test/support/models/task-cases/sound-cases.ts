import assert from 'node:assert/strict';
import { decodeWav, encodeWav } from '../../../../shared/runtimes/media/wav.ts';
import { assertClose, softmax } from '../../close-to.ts';
import {
  LETTER,
  PITCH_MATCHER,
  RATE_HZ,
  toneSpeech,
  writePitchMatcher,
  writeToneClassifier,
  writeToneListener,
  writeToneSpeaker,
} from '../task-models/audio-models.ts';
import { WHISPER_RATE_HZ, whisperSpeech, writeWordWhisper } from '../task-models/whisper-model.ts';
import { meanDecibels } from './mel-bands.ts';
import type { TaskCase } from './task-case.ts';

const wav = (samples: Float32Array, rateHz = RATE_HZ) => Buffer.from(encodeWav({ samples, rateHz })).toString('base64');

/** A second of a low tone, one of a high one, and one of both. */
const TONES = Float32Array.from({ length: 3 * PITCH_MATCHER.rateHz }, (_, at) => {
  const seconds = at / PITCH_MATCHER.rateHz;
  const [low, high] = [200, 5_000].map((hz) => Math.sin(2 * Math.PI * hz * seconds)) as [number, number];
  if (seconds < 1) return 0.5 * low;
  return seconds < 2 ? 0.5 * high : 0.25 * low + 0.01 * high;
});

/** As the feature extractor of CLAP prepares it (`repeatpad`): as often as it fits, and silence behind. */
function asOftenAsItFits(clip: Float32Array): Float64Array {
  const whole = new Float64Array(PITCH_MATCHER.seconds * PITCH_MATCHER.rateHz);
  const ofFile = clip.map((value) => Math.round(value * 32_767) / 32_768);
  for (let at = 0; at + clip.length <= whole.length; at += clip.length) whole.set(ofFile, at);
  return whole;
}

type PitchScores = { low: number; high: number };

let knownScores: PitchScores | undefined;

/** Reckoned once: ten seconds of sound take as long, whoever asks. */
function pitchScores(): PitchScores {
  knownScores ??= reckonPitchScores();
  return knownScores;
}

function reckonPitchScores(): PitchScores {
  const loudness = meanDecibels(asOftenAsItFits(TONES), PITCH_MATCHER);
  const half = loudness.length / 2;
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  const lower = (0.1 * (sum(loudness.slice(0, half)) - sum(loudness.slice(half)))) / loudness.length;
  const [low = 0, high = 0] = softmax([lower, -lower]);
  return { low, high };
}

export const SOUND_CASES: readonly TaskCase[] = [
  {
    name: 'letters-by-ctc',
    task: 'automatic-speech-recognition',
    write: writeToneListener,
    job: () => ({ type: 'stt', input: { audio: wav(toneSpeech('HI YOU')), timestamps: false } }),
    check: ({ output }, tolerance) =>
      assertClose(output, { text: 'HI YOU', duration_s: (6 * LETTER) / RATE_HZ }, tolerance),
  },
  {
    name: 'words-by-whisper',
    task: 'automatic-speech-recognition',
    write: writeWordWhisper,
    job: () => {
      const audio = wav(whisperSpeech(['drei', 'eins', 'zwei', '-']), WHISPER_RATE_HZ);
      return { type: 'stt', input: { audio, language: 'de' } };
    },
    check: ({ output }) => {
      const segments = [{ start_s: 0, end_s: 3, text: 'drei eins zwei' }];
      assert.deepEqual(output, { text: 'drei eins zwei', duration_s: 4, language: 'de', segments });
    },
  },
  {
    name: 'text-to-audio',
    task: 'text-to-audio',
    // Its phases go up to 1,500, where float32 has steps of 1e-4.
    tolerance: 1e-3,
    write: writeToneSpeaker,
    job: () => ({ type: 'tts', input: { text: 'hi you' } }),
    check: ({ output }, tolerance) => {
      assert.deepEqual([output.media_type, output.rate_hz], ['audio/wav', RATE_HZ]);
      const { samples } = decodeWav(Buffer.from(String(output.audio), 'base64'));
      const expected = toneSpeech('HI YOU');
      assert.equal(samples.length, expected.length);
      const apart = expected.map((value, at) => Math.abs(value - (samples[at] ?? 9)));
      assert.ok(
        apart.every((difference) => difference <= tolerance),
        `apart by ${apart.reduce((a, b) => Math.max(a, b))}`,
      );
    },
  },
  {
    name: 'audio-classification',
    task: 'audio-classification',
    write: writeToneClassifier,
    job: () => ({ type: 'task', input: { audio: wav(toneSpeech('B')), top: 1 } }),
    check: ({ output }, tolerance) => {
      // The tone sounds at half of full loudness, which a file of 16 bits calls 32,767, for four fifths of the time.
      const [score = 0] = softmax([10 * 0.5 * 0.8 * (32_767 / 32_768), ...new Array<number>(26).fill(0)]);
      assertClose(output, { labels: [{ label: 'B', score }] }, tolerance);
    },
  },
  {
    name: 'zero-shot-audio-classification',
    task: 'zero-shot-audio-classification',
    write: writePitchMatcher,
    job: () => {
      const audio = wav(TONES, PITCH_MATCHER.rateHz);
      return { type: 'task', input: { audio, labels: ['high', 'low'], template: '{}' } };
    },
    check: ({ output }, tolerance) => {
      const { low, high } = pitchScores();
      const labels = [
        { label: 'low', score: low },
        { label: 'high', score: high },
      ];
      assertClose(output, { labels }, tolerance);
    },
  },
];
