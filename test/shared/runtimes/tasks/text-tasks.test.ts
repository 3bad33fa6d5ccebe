import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertClose, softmax } from '../../../support/close-to.ts';
import { loadTask } from '../../../support/models/task-models/load-task.ts';
import {
  writeMaskFiller,
  writePairClassifier,
  writeQuestionAnswerer,
  writeTextClassifier,
  writeTokenClassifier,
  writeWordTranslator,
} from '../../../support/models/task-models/text-models.ts';
import { isProblem } from '../../../support/problems.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const MOODS = { good: [2, 0, 0], bad: [0, 3, 0], very: [0.5, 0.5, 0] };
const LABELS = ['happy', 'sad', 'neutral'];

/** What the model must say of a text, worked out without it: the sums of its words' scores. */
function moodOf(text: string) {
  const sums = text
    .split(' ')
    .reduce((sum, word) => sum.map((s, i) => s + (MOODS[word as keyof typeof MOODS]?.[i] ?? 0)), [0, 0, 0]);
  const labels = softmax(sums).map((score, index) => ({ label: LABELS[index] ?? '', score }));
  return labels.sort((a, b) => b.score - a.score);
}

test('texts are classified, one or many, each by itself', async (t) => {
  const ask = await loadTask(t, await writeTextClassifier(temporaryFolder(t), 'test/moods', LABELS, MOODS));
  const one = await ask({ text: 'very good' });
  assertClose(one.output, { labels: moodOf('very good') });
  assert.deepEqual(one.usage, { inputTokens: 4, outputTokens: 0 });
  // More than one pass, of mixed lengths: padding must change nothing.
  const texts = Array.from({ length: 20 }, (_, index) => 'good bad very '.repeat(1 + (index % 4)).trim());
  const many = await ask({ text: texts, top: 2 });
  assertClose(many.output, { results: texts.map((text) => ({ labels: moodOf(text).slice(0, 2) })) });
});

test('a text of a list of one is told as a list', async (t) => {
  const ask = await loadTask(t, await writeTextClassifier(temporaryFolder(t), 'test/moods', LABELS, MOODS));
  assertClose((await ask({ text: ['bad'], top: 1 })).output, { results: [{ labels: moodOf('bad').slice(0, 1) }] });
});

test('a job that is cancelled between passes ends before the next', async (t) => {
  const ask = await loadTask(t, await writeTextClassifier(temporaryFolder(t), 'test/moods', LABELS, MOODS));
  let passes = 0;
  // Asked once before the job begins, and before each pass.
  const interrupted = () => passes++ > 1;
  const { output } = await ask({ text: new Array(200).fill('good') }, { interrupted });
  assert.equal((output.results as unknown[]).length, 16);
});

test('wrong inputs are refused with their place', async (t) => {
  const ask = await loadTask(t, await writeTextClassifier(temporaryFolder(t), 'test/moods', LABELS, MOODS));
  await assert.rejects(ask({}), isProblem('missing_required_parameter', /'text'/));
  await assert.rejects(ask({ text: 7 }), isProblem('invalid_value', /'text'/));
  await assert.rejects(ask({ text: [] }), isProblem('invalid_value', /1 to 256/));
  await assert.rejects(ask({ text: 'good', top: 0 }), isProblem('invalid_value', /'top'/));
  await assert.rejects(ask({ text: 'good', top: 1.5 }), isProblem('invalid_value', /'top'/));
  const long = 'good '.repeat(63);
  await assert.rejects(ask({ text: ['good', long] }), isProblem('context_length_exceeded', /65 tokens.*64/));
  await assert.rejects(
    ask({ text: 'good', task: 'depth-estimation' }),
    isProblem('invalid_value', /text-classification/),
  );
  await assert.rejects(ask({ audio: 'AAAA' }, { type: 'stt' }), isProblem('invalid_value', /Choose another model/));
});

test('entities are found, whole or word by word', async (t) => {
  const scores = {
    Ada: [0, 5, 0, 0],
    Lovelace: [0, 0, 4, 0],
    London: [0, 0, 0, 3],
    lived: [6, 0, 0, 0],
    in: [6, 0, 0, 0],
  };
  const labels = ['O', 'B-PER', 'I-PER', 'B-LOC'];
  const ask = await loadTask(t, await writeTokenClassifier(temporaryFolder(t), 'test/ner', labels, scores));
  const score = (word: keyof typeof scores) => Math.max(...softmax(scores[word]));
  const whole = [
    { entity: 'PER', word: 'Ada Lovelace', score: (score('Ada') + score('Lovelace')) / 2 },
    { entity: 'LOC', word: 'London', score: score('London') },
  ];
  assertClose((await ask({ text: 'Ada Lovelace lived in London' })).output, { entities: whole });
  const words = (await ask({ text: 'Ada lived', group: false })).output;
  assertClose(words, { entities: [{ entity: 'B-PER', word: 'Ada', score: score('Ada') }] });
});

test('a question is answered with a piece of the context', async (t) => {
  const scores = { who: [9, 9], won: [0, 0], in: [0, 0], the: [4, 0], red: [0, 0], team: [0, 5], lost: [1, 1] };
  const ask = await loadTask(t, await writeQuestionAnswerer(temporaryFolder(t), 'test/qa', scores));
  const { output } = await ask({ question: 'who won', context: 'the red team won', top: 2 });
  const context = ['the', 'red', 'team', 'won'] as const;
  // The first token stands for "no answer" and takes its part of the whole.
  const begin = softmax([0, ...context.map((word) => scores[word][0] ?? 0)]);
  const end = softmax([0, ...context.map((word) => scores[word][1] ?? 0)]);
  const [best] = output.answers as { answer: string; score: number }[];
  assertClose(best, { answer: 'the red team', score: (begin[1] ?? 0) * (end[3] ?? 0) });
  assert.equal((output.answers as unknown[]).length, 2);
});

test('documents are ranked by what they share with the query', async (t) => {
  const words = ['spare', 'watt', 'gpu', 'idle', 'tea'];
  const folder = await writePairClassifier(temporaryFolder(t), 'test/rank', words, { relevance: 1 });
  const ask = await loadTask(t, folder);
  const documents = ['tea', 'idle gpu spare', 'gpu', 'watt'];
  const { output } = await ask({ task: 'rerank', query: 'spare gpu', documents });
  const sigmoid = (value: number) => 1 / (1 + Math.exp(-value));
  const expected = [
    { index: 1, score: sigmoid(2) },
    { index: 2, score: sigmoid(1) },
    { index: 0, score: 0.5 },
    { index: 3, score: 0.5 },
  ];
  assertClose(output, { results: expected });
  const best = await ask({ task: 'rerank', query: 'spare gpu', documents, top: 1 });
  assertClose(best.output, { results: expected.slice(0, 1) });
});

test('labels that a model never learned are judged by entailment', async (t) => {
  const words = ['tea', 'cup', 'about', 'gpu'];
  const labels = { contradiction: -1, neutral: 0, entailment: 1 };
  const folder = await writePairClassifier(temporaryFolder(t), 'test/nli', words, labels);
  const ask = await loadTask(t, folder);
  const input = { task: 'zero-shot-classification', text: 'tea cup', labels: ['gpu', 'tea'], template: 'about {}' };
  const [none = 0, one = 0] = softmax([0, 1]);
  const ranked = [
    { label: 'tea', score: one },
    { label: 'gpu', score: none },
  ];
  assertClose((await ask(input)).output, { labels: ranked });
  await assert.rejects(ask({ ...input, template: 'nothing' }), isProblem('invalid_value', /\{\}/));
});

test('a gap is filled with what its words ask for', async (t) => {
  const scores = { drink: [3, 1, 0], plug: [0, 0, 2] };
  const fills = ['tea', 'milk', 'watt'];
  const folder = await writeMaskFiller(temporaryFolder(t), 'test/gap', fills, scores);
  const ask = await loadTask(t, folder, 'fill-mask');
  const { output } = await ask({ text: 'drink [MASK]', top: 2 });
  const [best, second] = output.fills as { word: string; text: string; score: number }[];
  assert.deepEqual([best?.word, best?.text, second?.word], ['tea', 'drink tea', 'milk']);
  // Every other token of the vocabulary has a score of 0: five special ones, "watt" and the two words of the table.
  assertClose(best?.score, softmax([3, 1, ...new Array(8).fill(0)])[0]);
  await assert.rejects(ask({ text: 'drink' }), isProblem('invalid_value', /\[MASK\]/));
});

test('texts are translated, summarized and rewritten by models that write', async (t) => {
  const dictionary = { eins: 'one', zwei: 'two', drei: 'three' };
  const ask = await loadTask(t, await writeWordTranslator(temporaryFolder(t), 'test/t5', dictionary));
  for (const task of ['translation', 'summarization', 'text2text-generation']) {
    const { output, usage } = await ask({ task, text: 'drei eins zwei' });
    assert.deepEqual(output, { text: 'three one two' }, task);
    assert.equal(usage.inputTokens, 4);
  }
  const many = await ask({ text: ['eins', 'zwei drei eins zwei'] });
  assert.deepEqual(many.output, { results: [{ text: 'one' }, { text: 'two three one two' }] });
  assert.deepEqual((await ask({ text: 'eins zwei drei', max_tokens: 2 })).output, { text: 'one two' });
  let asked = 0;
  const cut = await ask({ text: 'eins zwei drei eins' }, { interrupted: () => asked++ >= 3 });
  assert.ok(String(cut.output.text).length < 'one two three one'.length, 'ends in the middle');
});
