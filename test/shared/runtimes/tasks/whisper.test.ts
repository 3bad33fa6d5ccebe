import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeWav } from '../../../../shared/runtimes/media/wav.ts';
import { loadTask } from '../../../support/models/task-models/load-task.ts';
import { WHISPER_RATE_HZ, whisperSpeech, writeWordWhisper } from '../../../support/models/task-models/whisper-model.ts';
import { isProblem } from '../../../support/problems.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const stt = { type: 'stt' } as const;
const recordingOf = (...words: string[]) =>
  Buffer.from(encodeWav({ samples: whisperSpeech(words), rateHz: WHISPER_RATE_HZ })).toString('base64');

/** No run of words comes twice, so that the overlaps can only be joined in one way. */
const KNOWN = ['eins', 'zwei', 'drei', 'vier', 'acht', 'neun', 'elf', 'haus', 'tee'];
const manyWords = (count: number) =>
  Array.from({ length: count }, (_, at) => KNOWN[(at * at * 5 + at * 2 + (at >> 3)) % KNOWN.length] ?? '');

test('a Whisper model writes down what it hears, with times, and translates', async (t) => {
  const ask = await loadTask(t, await writeWordWhisper(temporaryFolder(t), 'test/whisper'));
  const audio = recordingOf('drei', 'eins', 'zwei', '-');
  const { output } = await ask({ audio, language: 'de' }, stt);
  assert.deepEqual(output, {
    text: 'drei eins zwei',
    duration_s: 4,
    language: 'de',
    segments: [{ start_s: 0, end_s: 3, text: 'drei eins zwei' }],
  });
  const plain = await ask({ audio, language: 'de', timestamps: false }, stt);
  assert.deepEqual(plain.output, { text: 'drei eins zwei', duration_s: 4, language: 'de' });
  const english = await ask({ audio, language: 'de', task: 'translate', timestamps: false }, stt);
  assert.equal(english.output.text, 'three one two');
});

test('a recording in which nobody speaks says nothing', async (t) => {
  const ask = await loadTask(t, await writeWordWhisper(temporaryFolder(t), 'test/whisper'));
  const audio = recordingOf('-', '-');
  const plain = await ask({ audio, language: 'de', timestamps: false }, stt);
  assert.deepEqual(plain.output, { text: '', duration_s: 2, language: 'de' });
});

test('a language that is not named is heard', async (t) => {
  const ask = await loadTask(t, await writeWordWhisper(temporaryFolder(t), 'test/whisper'));
  const { output } = await ask({ audio: recordingOf('tee') }, stt);
  assert.deepEqual([output.text, output.language], ['tee', 'de']);
});

test('a recording longer than what the model hears at once is heard in windows', async (t) => {
  const ask = await loadTask(t, await writeWordWhisper(temporaryFolder(t), 'test/whisper'));
  const words = manyWords(64);
  const { output } = await ask({ audio: recordingOf(...words), language: 'de' }, stt);
  assert.equal(output.text, words.join(' '));
  assert.equal(output.duration_s, 64);
});

test('a text without times is told word by word while it is made', async (t) => {
  const ask = await loadTask(t, await writeWordWhisper(temporaryFolder(t), 'test/whisper'));
  const input = { audio: recordingOf('drei', 'eins', 'zwei', '-'), language: 'de', timestamps: false };
  const { output, pieces, usage } = await ask(input, { ...stt, stream: true });
  assert.equal(output.text, 'drei eins zwei');
  assert.deepEqual(pieces, ['drei', ' eins']);
  const silent = await ask(input, stt);
  assert.deepEqual([silent.output, silent.usage, silent.pieces], [output, usage, []]);
});

test('of a long recording what cannot change any more is told with each window', async (t) => {
  const ask = await loadTask(t, await writeWordWhisper(temporaryFolder(t), 'test/whisper'));
  const words = manyWords(64);
  const input = { audio: recordingOf(...words), language: 'de', timestamps: false };
  const { output, pieces } = await ask(input, { ...stt, stream: true });
  assert.equal(output.text, words.join(' '));
  // Three windows; of the first is told when the second has been heard, the rest is the answer's own.
  assert.equal(pieces.length, 1);
  assert.ok(String(output.text).startsWith(pieces.join('')) && pieces.join('').length > 60, pieces.join('|'));
});

test('a Whisper model that tells what it listens to gives the times of words', async (t) => {
  const folder = await writeWordWhisper(temporaryFolder(t), 'test/whisper', { tellsAttention: true });
  const ask = await loadTask(t, folder);
  const { output } = await ask({ audio: recordingOf('drei', 'eins', 'zwei', '-'), language: 'de', words: true }, stt);
  const words = output.words as { start_s: number; end_s: number; text: string }[];
  assert.deepEqual(
    words.map(({ text }) => text),
    ['drei', 'eins', 'zwei'],
  );
  // Each word is a second long; the library smooths over seven frames of 20 ms.
  for (const [second, { start_s, end_s }] of words.entries()) {
    assert.ok(Math.abs(start_s - second) <= 0.1 && Math.abs(end_s - second - 1) <= 0.1, `${start_s} to ${end_s}`);
  }
  assert.deepEqual(output.segments, [{ start_s: words[0]?.start_s, end_s: words[2]?.end_s, text: 'drei eins zwei' }]);
});

test('what a Whisper model cannot do is refused', async (t) => {
  const ask = await loadTask(t, await writeWordWhisper(temporaryFolder(t), 'test/whisper'));
  const audio = recordingOf('tee');
  await assert.rejects(ask({ audio, language: 'xx' }, stt), isProblem('invalid_value', /en, de/));
  await assert.rejects(ask({ audio, words: true }, stt), isProblem('unsupported_parameter', /words/));
  await assert.rejects(ask({ audio, task: 'sing' }, stt), isProblem('invalid_value', /translate/));
});

test('a cancel ends the writing within a token', async (t) => {
  const ask = await loadTask(t, await writeWordWhisper(temporaryFolder(t), 'test/whisper'));
  const audio = recordingOf(...new Array<string>(20).fill('tee'));
  let asked = 0;
  const interrupted = () => asked++ > 5;
  const { output } = await ask({ audio, language: 'de', timestamps: false }, { ...stt, interrupted });
  assert.equal(output.text, '');
  assert.ok(asked < 12, `asked ${asked} times`);
});
