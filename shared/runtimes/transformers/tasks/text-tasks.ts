import { Problem } from '../../../problems/problem.ts';
import { nextTurn } from '../../next-turn.ts';
import { countRead, type Label, labelsOf, oneOrAll, type TaskRun, tokensOf } from './task-run.ts';

const MOST_LABELS = 1_000;

/** `text` (one or a list) → `labels` with scores, best first; `top` of them, all when absent. */
export const classifyText: TaskRun = async ({ model, input, inPasses }) => {
  const texts = input.texts('text');
  const inputTokens = countRead(model, texts, 'text');
  const top = input.count('top', 1, MOST_LABELS, MOST_LABELS);
  const found = await inPasses({}, texts, async (some) => {
    // The library gives a single row for a single label asked, and a list of rows otherwise.
    const rows = (await model.call('text-classification', some, { top_k: MOST_LABELS })) as unknown[][];
    return rows.map(labelsOf);
  });
  const results = found.map((labels) => ({ labels: labels.slice(0, top) }));
  return { output: oneOrAll(results, input.isList('text')), inputTokens };
};

/** `text` and `labels` that the model was never trained on → the same labels, likeliest first. */
export const classifyZeroShot: TaskRun = async ({ model, input, interrupted }) => {
  const [texts, labels] = [input.texts('text'), input.texts('labels')];
  const inputTokens = countRead(model, texts, 'text') * labels.length;
  const options = { multi_label: input.flag('multi_label', false), ...templateOf(input) };
  const results: { labels: Label[] }[] = [];
  for (const text of texts) {
    if (interrupted()) break;
    const found = await model.call('zero-shot-classification', text, [...labels], options);
    const { labels: names, scores } = found as { labels: string[]; scores: number[] };
    results.push({ labels: names.map((label, index) => ({ label, score: scores[index] ?? 0 })) });
    await nextTurn();
  }
  return { output: oneOrAll(results, input.isList('text')), inputTokens };
};

/** `text` → `entities`: words with their kind; whole names unless `group` is false. */
export const findEntities: TaskRun = async ({ model, input, inPasses }) => {
  const texts = input.texts('text');
  const inputTokens = countRead(model, texts, 'text');
  const isGrouped = input.flag('group', true);
  const options = { aggregation_strategy: isGrouped ? 'simple' : 'none' };
  const found = await inPasses(options, texts, async (some) => {
    const rows = (await model.call('token-classification', some, options)) as RawEntity[][];
    return rows.map((row) => ({ entities: row.map(entityOf) }));
  });
  return { output: oneOrAll(found, input.isList('text')), inputTokens };
};

type RawEntity = { entity?: string; entity_group?: string; score: number; word: string };

function entityOf({ entity, entity_group, score, word }: RawEntity) {
  return { entity: entity_group ?? entity ?? '', word: word.trim(), score };
}

/** `question` and `context` → `answers`: pieces of the context, likeliest first. */
export const answerQuestion: TaskRun = async ({ model, input }) => {
  const [question, context] = [input.text('question'), input.text('context')];
  const inputTokens = countRead(model, [`${question} ${context}`], 'context');
  const top = input.count('top', 1, 20, 1);
  const found = await model.call('question-answering', question, context, { top_k: top });
  // One answer comes as it is, several come as a list.
  const answers = (Array.isArray(found) ? found : [found]) as { answer: string; score: number }[];
  const output = { answers: answers.slice(0, top).map(({ answer, score }) => ({ answer, score })) };
  return { output, inputTokens };
};

/** `text` with the model's mask in it → `fills`: what may stand there, likeliest first. */
export const fillMask: TaskRun = async ({ model, input, inPasses }) => {
  const texts = input.texts('text');
  const inputTokens = countRead(model, texts, 'text');
  const top = input.count('top', 1, 100, 5);
  const mask = model.maskToken ?? '[MASK]';
  if (!texts.every((text) => text.includes(mask))) {
    throw new Problem('invalid_value', `Each text must have ${mask} where a word is missing.`, { param: 'text' });
  }
  const found = await inPasses({ top }, texts, async (some) => {
    const rows = (await model.call('fill-mask', some, { top_k: top })) as RawFill[][];
    return rows.map((row) => ({ fills: row.map(fillOf) }));
  });
  return { output: oneOrAll(found, input.isList('text')), inputTokens };
};

type RawFill = { score: number; token_str: string; sequence: string };

function fillOf({ score, token_str, sequence }: RawFill) {
  return { word: token_str.trim(), text: sequence, score };
}

/** `query` and `documents` → `results`: their places and scores, best first; `top` of them. */
export const rerank: TaskRun = async ({ model, input, inPasses }) => {
  const [query, documents] = [input.text('query'), input.texts('documents')];
  const top = input.count('top', 1, Number.MAX_SAFE_INTEGER, documents.length);
  const pairs = documents.map((document) => [query, document] as const);
  const scores = await inPasses({}, pairs, (some) =>
    model.scorePairs(
      some.map(([left]) => left),
      some.map(([, right]) => right),
    ),
  );
  const results = scores.map((score, index) => ({ index, score: sigmoid(score) }));
  results.sort((a, b) => b.score - a.score || a.index - b.index);
  const inputTokens = tokensOf(model, documents) + model.countTokens(query) * documents.length;
  return { output: { results: results.slice(0, top) }, inputTokens };
};

function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value));
}

/** The sentence into which labels are set, with `{}` in their place. */
export function templateOf(input: { has(name: string): boolean; text(name: string): string }) {
  if (!input.has('template')) return {};
  const template = input.text('template');
  if (template.includes('{}')) return { hypothesis_template: template };
  throw new Problem('invalid_value', "The template must have {} where the label goes, as in 'This is {}.'.", {
    param: 'template',
  });
}
