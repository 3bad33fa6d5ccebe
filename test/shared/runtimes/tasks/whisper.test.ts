import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeWav } from '../../../../shared/runtimes/media/wav.ts';
import { isProblem } from '../../../support/problems.ts';
import { temporaryFolder } from '../../../support/runtime-fixtures.ts';
import { loadTask } from '../../../support/task-models/load-task.ts';
import { WHISPER_RATE_HZ, whisperSpeech, writeWordWhisper } from '../../../support/task-models/whisper-model.ts';

const stt = { type: 'stt' } as const;
const recordingOf = (...words: string[]) =>
  Buffer.from(encodeWav({ samples: whisperSpeech(words), rateHz: WHISPER_RATE_HZ })).toString('base64');

test('a Whisper model writes down what it hears, with times, and translates', async (t) => {
  const ask = await loadTask(t, await writeWordWhisper(await temporaryFolder(t), 'test/whisper'));
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

test('a language that is not named is heard', async (t) => {
  const ask = await loadTask(t, await writeWordWhisper(await temporaryFolder(t), 'test/whisper'));
  const { output } = await ask({ audio: recordingOf('tee') }, stt);
  assert.deepEqual([output.text, output.language], ['tee', 'de']);
});

test('a recording longer than what the model hears at once is heard in windows', async (t) => {
  const ask = await loadTask(t, await writeWordWhisper(await temporaryFolder(t), 'test/whisper'));
  const known = ['eins', 'zwei', 'drei', 'vier', 'acht', 'neun', 'elf', 'haus', 'tee'];
  // No run of words comes twice, so that the overlaps can only be joined in one way.
  const words = Array.from({ length: 64 }, (_, at) => known[(at * at * 5 + at * 2 + (at >> 3)) % known.length] ?? '');
  const { output } = await ask({ audio: recordingOf(...words), language: 'de' }, stt);
  assert.equal(output.text, words.join(' '));
  assert.equal(output.duration_s, 64);
});

test('what a Whisper model cannot do is refused', async (t) => {
  const ask = await loadTask(t, await writeWordWhisper(await temporaryFolder(t), 'test/whisper'));
  const audio = recordingOf('tee');
  await assert.rejects(ask({ audio, language: 'xx' }, stt), isProblem('invalid_value', /en, de/));
  await assert.rejects(ask({ audio, words: true }, stt), isProblem('unsupported_parameter', /words/));
  await assert.rejects(ask({ audio, task: 'sing' }, stt), isProblem('invalid_value', /translate/));
});

test('a cancel ends the writing within a token', async (t) => {
  const ask = await loadTask(t, await writeWordWhisper(await temporaryFolder(t), 'test/whisper'));
  const audio = recordingOf(...new Array<string>(20).fill('tee'));
  let asked = 0;
  const interrupted = () => asked++ > 5;
  const { output } = await ask({ audio, language: 'de', timestamps: false }, { ...stt, interrupted });
  assert.equal(output.text, '');
  assert.ok(asked < 12, `asked ${asked} times`);
});
