import assert from 'node:assert/strict';
import type { JsonInput } from '../../../../shared/protocol/messages.ts';
import { assertClose, softmax } from '../../close-to.ts';
import { chain, piece, writeBigramModel, writeTableEncoder } from '../bigram-model.ts';
import { chatInput } from '../pretended-model.ts';
import { writeBackwardsTranslator } from '../task-models/backwards-translator.ts';
import {
  writeMaskFiller,
  writePairClassifier,
  writeQuestionAnswerer,
  writeTextClassifier,
  writeTokenClassifier,
  writeWordTranslator,
} from '../task-models/text-models.ts';
import type { JobOfCase, TaskCase } from './task-case.ts';

const task = (input: JsonInput): JobOfCase => ({ type: 'task', input });

const MOODS = { good: [2, 0, 0], bad: [0, 3, 0], very: [0.5, 0.5, 0] };
const LABELS = ['happy', 'sad', 'neutral'];
/** Sums of the scores of "very" and "good". */
const VERY_GOOD = softmax([2.5, 0.5, 0]).map((score, index) => ({ label: LABELS[index] ?? '', score }));

const ENTITIES = {
  Ada: [0, 5, 0, 0],
  Lovelace: [0, 0, 4, 0],
  London: [0, 0, 0, 3],
  lived: [6, 0, 0, 0],
  in: [6, 0, 0, 0],
};
const entityScore = (word: keyof typeof ENTITIES) => Math.max(...softmax(ENTITIES[word]));

const ANSWERS = { who: [9, 9], won: [0, 0], in: [0, 0], the: [4, 0], red: [0, 0], team: [0, 5], lost: [1, 1] };
const CONTEXT = ['the', 'red', 'team', 'won'] as const;
/** How well an answer begins (0) or ends (1) with each word; the first token stands for "no answer". */
const answerScores = (side: 0 | 1) => softmax([0, ...CONTEXT.map((word) => ANSWERS[word][side] ?? 0)]);

const sigmoid = (value: number) => 1 / (1 + Math.exp(-value));
const DICTIONARY = { eins: 'one', zwei: 'two', drei: 'three' };

/** Vectors of bytes are means of these. */
const rowOf = (byte: number) => [byte / 128, 1 - byte / 128, 0.5];
function meanVector(text: string): number[] {
  const rows = [...Buffer.from(text)].map(rowOf);
  const mean = [0, 1, 2].map((at) => rows.reduce((sum, row) => sum + (row[at] ?? 0), 0) / rows.length);
  const length = Math.hypot(...mean);
  return mean.map((value) => value / length);
}

const writes = (name: 'translation' | 'summarization' | 'text2text-generation'): TaskCase => ({
  name,
  task: name,
  ...(name === 'translation' ? {} : { modelOf: 'translation' }),
  write: (root, id) => writeWordTranslator(root, id, DICTIONARY),
  job: () => task({ task: name, text: 'drei eins zwei' }),
  check: ({ output }) => assert.deepEqual(output, { text: 'three one two' }),
});

export const TEXT_CASES: readonly TaskCase[] = [
  {
    name: 'text-generation',
    task: 'text-generation',
    write: (root, id) => writeBigramModel(root, id, { transitions: chain(['one ', 'after ', 'another'].map(piece)) }),
    job: () => ({ type: 'llm', input: chatInput('Go.') }),
    check: ({ text }) => assert.equal(text, 'one after another'),
  },
  {
    name: 'feature-extraction',
    task: 'feature-extraction',
    write: (root, id) => writeTableEncoder(root, id, { width: 3, row: rowOf }),
    job: () => ({ type: 'embed', input: { inputs: ['tea', 'spare watt'], dimensions: null } }),
    check: ({ rows }, tolerance) => assertClose(rows, ['tea', 'spare watt'].map(meanVector), tolerance),
  },
  {
    name: 'text-classification',
    task: 'text-classification',
    write: (root, id) => writeTextClassifier(root, id, LABELS, MOODS),
    job: () => task({ text: 'very good' }),
    check: ({ output }, tolerance) => assertClose(output, { labels: VERY_GOOD }, tolerance),
  },
  {
    name: 'token-classification',
    task: 'token-classification',
    write: (root, id) => writeTokenClassifier(root, id, ['O', 'B-PER', 'I-PER', 'B-LOC'], ENTITIES),
    job: () => task({ text: 'Ada Lovelace lived in London' }),
    check: ({ output }, tolerance) =>
      assertClose(
        output,
        {
          entities: [
            { entity: 'PER', word: 'Ada Lovelace', score: (entityScore('Ada') + entityScore('Lovelace')) / 2 },
            { entity: 'LOC', word: 'London', score: entityScore('London') },
          ],
        },
        tolerance,
      ),
  },
  {
    name: 'question-answering',
    task: 'question-answering',
    write: (root, id) => writeQuestionAnswerer(root, id, ANSWERS),
    job: () => task({ question: 'who won', context: CONTEXT.join(' ') }),
    check: ({ output }, tolerance) => {
      const score = (answerScores(0)[1] ?? 0) * (answerScores(1)[3] ?? 0);
      assertClose(output, { answers: [{ answer: 'the red team', score }] }, tolerance);
    },
  },
  {
    name: 'rerank',
    task: 'rerank',
    write: (root, id) => writePairClassifier(root, id, ['spare', 'gpu', 'idle', 'tea'], { relevance: 1 }),
    job: () => task({ task: 'rerank', query: 'spare gpu', documents: ['tea', 'idle gpu spare', 'gpu'] }),
    check: ({ output }, tolerance) =>
      assertClose(
        output,
        { results: [1, 2, 0].map((index, place) => ({ index, score: sigmoid(2 - place) })) },
        tolerance,
      ),
  },
  {
    name: 'zero-shot-classification',
    task: 'zero-shot-classification',
    write: (root, id) =>
      writePairClassifier(root, id, ['tea', 'cup', 'about', 'gpu'], { contradiction: -1, neutral: 0, entailment: 1 }),
    job: () =>
      task({ task: 'zero-shot-classification', text: 'tea cup', labels: ['gpu', 'tea'], template: 'about {}' }),
    check: ({ output }, tolerance) => {
      const [none = 0, one = 0] = softmax([0, 1]);
      const labels = [
        { label: 'tea', score: one },
        { label: 'gpu', score: none },
      ];
      assertClose(output, { labels }, tolerance);
    },
  },
  {
    name: 'fill-mask',
    task: 'fill-mask',
    loadedAs: 'fill-mask',
    write: (root, id) => writeMaskFiller(root, id, ['tea', 'milk', 'watt'], { drink: [3, 1, 0], plug: [0, 0, 2] }),
    job: () => task({ text: 'drink [MASK]', top: 1 }),
    check: ({ output }, tolerance) => {
      // Every other token of the vocabulary has a score of 0: five special ones, "watt" and the two words of the table.
      const [score = 0] = softmax([3, 1, ...new Array<number>(8).fill(0)]);
      assertClose(output, { fills: [{ word: 'tea', text: 'drink tea', score }] }, tolerance);
    },
  },
  writes('translation'),
  writes('summarization'),
  writes('text2text-generation'),
  {
    name: 'translation-in-rows',
    task: 'translation',
    write: (root, id) => writeBackwardsTranslator(root, id, DICTIONARY),
    // Of unequal length, so that each ends elsewhere.
    job: () => task({ text: ['drei eins zwei', 'zwei', 'eins drei'], task: 'translation' }),
    check: ({ output }) =>
      assert.deepEqual(output, { results: ['two one three', 'two', 'three one'].map((text) => ({ text })) }),
  },
];
