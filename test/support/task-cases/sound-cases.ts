import assert from 'node:assert/strict';
import { decodeWav, encodeWav } from '../../../shared/runtimes/media/wav.ts';
import { assertClose, softmax } from '../close-to.ts';
import {
  LETTER,
  RATE_HZ,
  toneSpeech,
  writePitchMatcher,
  writeToneClassifier,
  writeToneListener,
  writeToneSpeaker,
} from '../task-models/audio-models.ts';
import { WHISPER_RATE_HZ, whisperSpeech, writeWordWhisper } from '../task-models/whisper-model.ts';
import type { TaskCase } from './task-case.ts';

const wav = (samples: Float32Array, rateHz = RATE_HZ) => Buffer.from(encodeWav({ samples, rateHz })).toString('base64');
const tone = (hz: number) =>
  Float32Array.from({ length: RATE_HZ }, (_, at) => 0.5 * Math.sin((2 * Math.PI * hz * at) / RATE_HZ));

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
    // Where a tone begins and ends within a frame it is heard as a little of others.
    tolerance: 1e-2,
    write: writeToneClassifier,
    job: () => ({ type: 'task', input: { audio: wav(toneSpeech('B')), top: 1 } }),
    check: ({ output }, tolerance) => {
      // The tone sounds at half of full loudness for four fifths of the time.
      const [score = 0] = softmax([10 * 0.5 * 0.8, ...new Array<number>(26).fill(0)]);
      assertClose(output, { labels: [{ label: 'B', score }] }, tolerance);
    },
  },
  {
    name: 'zero-shot-audio-classification',
    task: 'zero-shot-audio-classification',
    write: writePitchMatcher,
    job: () => ({ type: 'task', input: { audio: wav(tone(200)), labels: ['high', 'low'], template: '{}' } }),
    check: ({ output }) => {
      const [first, second] = output.labels as { label: string; score: number }[];
      assert.deepEqual([first?.label, second?.label], ['low', 'high']);
      assert.ok((first?.score ?? 0) > 0.9, String(first?.score));
    },
  },
];
