import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeWav, encodeWav } from '../../../../shared/runtimes/media/wav.ts';
import { sentencesOf } from '../../../../shared/runtimes/transformers/tasks/audio-tasks.ts';
import { assertClose, softmax } from '../../../support/close-to.ts';
import {
  LETTER,
  RATE_HZ,
  toneSpeech,
  writePitchMatcher,
  writeToneClassifier,
  writeToneListener,
  writeToneSpeaker,
} from '../../../support/models/task-models/audio-models.ts';
import { loadTask } from '../../../support/models/task-models/load-task.ts';
import { isProblem } from '../../../support/problems.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const LETTER_S = LETTER / RATE_HZ;
const wav = (samples: Float32Array, rateHz = RATE_HZ) => Buffer.from(encodeWav({ samples, rateHz })).toString('base64');
const stt = { type: 'stt' } as const;

test('speech is written down with the times of words and phrases', async (t) => {
  const ask = await loadTask(t, await writeToneListener(temporaryFolder(t), 'test/ears'));
  const { output } = await ask({ audio: wav(toneSpeech('HELLO NEW WORLD')), words: true }, stt);
  const word = (text: string, at: number) => ({
    start_s: at * LETTER_S,
    end_s: (at + text.length) * LETTER_S - 0.02,
    text,
  });
  const words = [word('HELLO', 0), word('NEW', 6), word('WORLD', 10)];
  assertClose(output, {
    text: 'HELLO NEW WORLD',
    duration_s: 15 * LETTER_S,
    segments: [{ start_s: 0, end_s: words[2]?.end_s, text: 'HELLO NEW WORLD' }],
    words,
  });
  const plain = await ask({ audio: wav(toneSpeech('A')), timestamps: false, language: 'en', task: 'transcribe' }, stt);
  assert.deepEqual(plain.output, { text: 'A', duration_s: LETTER_S, language: 'en' });
  // As a task its name stands where a job of the type says what to do with the speech.
  const asTask = await ask({ task: 'automatic-speech-recognition', audio: wav(toneSpeech('B')) });
  assert.equal(asTask.output.text, 'B');
});

test('a pause parts phrases, and silence says nothing', async (t) => {
  const ask = await loadTask(t, await writeToneListener(temporaryFolder(t), 'test/ears'));
  const samples = new Float32Array(4 * RATE_HZ);
  samples.set(toneSpeech('ONE TWO '));
  samples.set(toneSpeech('THREE'), 2 * RATE_HZ);
  const { output } = await ask({ audio: wav(samples) }, stt);
  const segments = output.segments as { start_s: number; text: string }[];
  assert.deepEqual(
    segments.map(({ start_s, text }) => [start_s, text]),
    [
      [0, 'ONE TWO'],
      [2, 'THREE'],
    ],
  );
  const silence = await ask({ audio: wav(new Float32Array(10)) }, stt);
  assert.deepEqual(silence.output, { text: '', duration_s: 0.001, segments: [] });
});

test('a recording of any length is heard in windows, without a word lost or doubled at their edges', async (t) => {
  const ask = await loadTask(t, await writeToneListener(temporaryFolder(t), 'test/ears'));
  const words = Array.from({ length: 190 }, (_, index) => 'ABCDEFGH'.slice(index % 5, 5 + (index % 4)));
  const { output } = await ask({ audio: wav(toneSpeech(words.join(' '))) }, stt);
  assert.ok((output.duration_s as number) > 80);
  assert.equal(output.text, words.join(' '));
});

test('words are told when they are over, window by window', async (t) => {
  const ask = await loadTask(t, await writeToneListener(temporaryFolder(t), 'test/ears'));
  const words = Array.from({ length: 190 }, (_, index) => 'ABCDEFGH'.slice(index % 5, 5 + (index % 4)));
  const { output, pieces } = await ask({ audio: wav(toneSpeech(words.join(' '))) }, { ...stt, stream: true });
  assert.equal(output.text, words.join(' '));
  assert.ok(pieces.length >= 2 && words.join(' ').startsWith(pieces.join('')));
  assert.match(pieces.join(''), /[A-H]$/);
});

test('a cancel is heard between two windows', async (t) => {
  const ask = await loadTask(t, await writeToneListener(temporaryFolder(t), 'test/ears'));
  let asked = 0;
  const job = ask({ audio: wav(toneSpeech('AB '.repeat(300))) }, { ...stt, interrupted: () => asked++ > 1 });
  assert.ok(String((await job).output.text).length < 300);
});

test('recordings at other rates, in stereo and with more bits say the same', async (t) => {
  const ask = await loadTask(t, await writeToneListener(temporaryFolder(t), 'test/ears'));
  const rates = [8_000, 44_100, 48_000].map((rateHz) => wav(toneSpeech('HELLO ZOO', rateHz), rateHz));
  for (const audio of rates) assert.equal((await ask({ audio }, stt)).output.text, 'HELLO ZOO');
});

test('what is no recording, or in a form that is not decoded, is refused', async (t) => {
  const ask = await loadTask(t, await writeToneListener(temporaryFolder(t), 'test/ears'));
  const refused = (bytes: Buffer, code: Parameters<typeof isProblem>[0], sentence: RegExp) =>
    assert.rejects(ask({ audio: bytes.toString('base64') || '====' }, stt), isProblem(code, sentence));
  await refused(Buffer.from('ID3\u0004 and so on'), 'invalid_audio', /mp3/);
  await refused(Buffer.from('fLaC\0\0\0"'), 'invalid_audio', /flac/);
  await refused(Buffer.from('OggS\0\0\0\0'), 'invalid_audio', /ogg/);
  await refused(Buffer.from('this is a text'), 'invalid_audio', /wav/);
  await refused(Buffer.from(wav(toneSpeech('A')), 'base64').subarray(0, 30), 'invalid_audio', /wav/);
  await assert.rejects(
    ask({ audio: wav(toneSpeech('A')), task: 'translate' }, stt),
    isProblem('unsupported_parameter', /translate/),
  );
});

test('a text is spoken, so that it can be heard', async (t) => {
  const root = temporaryFolder(t);
  const speak = await loadTask(t, await writeToneSpeaker(root, 'test/voice'));
  const hear = await loadTask(t, await writeToneListener(root, 'test/ears'));
  const { output } = await speak({ text: 'hello brave new world', voice: 'alloy' }, { type: 'tts' });
  assert.deepEqual([output.media_type, output.rate_hz], ['audio/wav', RATE_HZ]);
  const spoken = decodeWav(Buffer.from(String(output.audio), 'base64'));
  const expected = toneSpeech('HELLO BRAVE NEW WORLD');
  assert.equal(spoken.samples.length, expected.length);
  for (const [at, value] of expected.entries()) assert.ok(Math.abs((spoken.samples[at] ?? 0) - value) < 1e-3, `${at}`);
  assert.equal((await hear({ audio: output.audio }, stt)).output.text, 'HELLO BRAVE NEW WORLD');
});

test('bare samples come at the rate that clients expect', async (t) => {
  const speak = await loadTask(t, await writeToneSpeaker(temporaryFolder(t), 'test/voice'));
  const { output } = await speak({ text: 'a. b!', format: 'pcm' }, { type: 'tts' });
  // Neither dots nor marks are letters of this model.
  assert.deepEqual([output.media_type, output.rate_hz], ['audio/pcm', 24_000]);
  const samples = Buffer.from(String(output.audio), 'base64').length / 2;
  assert.ok(Math.abs(samples / 24_000 - Number(output.duration_s)) < 0.001);
  await assert.rejects(speak({ text: 'a', format: 'mp3' }, { type: 'tts' }), isProblem('invalid_value', /wav, pcm/));
  await assert.rejects(speak({ text: 'a', speed: 2 }, { type: 'tts' }), isProblem('unsupported_parameter', /speed/));
  await assert.rejects(
    speak({ text: 'a', voice: 'bob' }, { type: 'tts' }),
    isProblem('unsupported_parameter', /voice/),
  );
});

test('long texts are spoken sentence by sentence', () => {
  assert.deepEqual(sentencesOf('One. Two!  Three'), ['One. ', 'Two!  ', 'Three']);
  assert.deepEqual(sentencesOf(' \n '), []);
  const long = sentencesOf('word '.repeat(300));
  assert.ok(long.every((part) => part.length <= 400));
  assert.equal(long.join(''), 'word '.repeat(300));
});

test('sounds are classified, by learned labels and by words', async (t) => {
  const root = temporaryFolder(t);
  const ask = await loadTask(t, await writeToneClassifier(root, 'test/tones'));
  const { output } = await ask({ audio: wav(toneSpeech('B')), top: 1 });
  // The tone sounds at half of full loudness for four fifths of the time.
  const [score = 0] = softmax([10 * 0.5 * 0.8, ...new Array(26).fill(0)]);
  assertClose(output, { labels: [{ label: 'B', score }] }, 1e-2);
  const match = await loadTask(t, await writePitchMatcher(root, 'test/pitch'));
  const tone = (hz: number) =>
    wav(Float32Array.from({ length: RATE_HZ }, (_, at) => 0.5 * Math.sin((2 * Math.PI * hz * at) / RATE_HZ)));
  for (const [hz, label] of [
    [200, 'low'],
    [6_000, 'high'],
  ] as const) {
    const found = await match({ audio: tone(hz), labels: ['high', 'low'], template: '{}' });
    assert.equal((found.output.labels as { label: string }[])[0]?.label, label);
  }
});
