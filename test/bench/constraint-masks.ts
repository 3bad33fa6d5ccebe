import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filesInFolder } from '../../main/headless/inference/folder-files.ts';
import { type Constraint, compileConstraint } from '../../shared/runtimes/constraints/constraint.ts';
import { compileSchema } from '../../shared/runtimes/constraints/schema.ts';
import type { Vocabulary } from '../../shared/runtimes/constraints/vocabulary.ts';
import { createRandom } from '../../shared/runtimes/transformers/decoding/random.ts';
import { likeliest, type SamplingPlan } from '../../shared/runtimes/transformers/decoding/sampling.ts';
import { createChoosing } from '../../shared/runtimes/transformers/decoding/token-chooser.ts';
import { type LoadedModel, loadModel } from '../../shared/runtimes/transformers/engine.ts';
import { largeVocabulary } from '../support/models/large-vocabulary.ts';
import { writeLlamaModel } from '../support/models/llama-model.ts';
import { freshSchema } from './constraints.ts';
import { type Figure, figureOf } from './figure.ts';
import { msPerToken, SIZE } from './language-models.ts';
import { interleave } from './rounds.ts';

const VOCABULARY = 128_000;
const ROUNDS = 7;
const TOKENS = 100;
const END = VOCABULARY - 1;

/**
 * What holding an answer to a format costs with a vocabulary as large models have it, as a share of a step of a model of 24 M weights
 * in q8, which is far less than any model with such a vocabulary takes. The scores are random, so that no token is a lucky guess.
 */
export async function constraintMasks(): Promise<Figure[]> {
  const root = mkdtempSync(join(tmpdir(), 'sparewatt-bench-masks-'));
  const vocabulary = largeVocabulary(VOCABULARY);
  const trieMs = timed(() => vocabulary.trie());
  const folder = await writeLlamaModel(root, 'bench/q8', { dtype: 'q8', size: SIZE });
  const model = await loadModel(filesInFolder(folder), { dtype: 'q8', device: 'cpu', threads: 1 });
  try {
    const about = { vocabulary: VOCABULARY, trieMs };
    const greedy = await figuresOf(model, vocabulary, null, about);
    const sampled = await figuresOf(model, vocabulary, { temperature: 1, topP: 1, topK: 0, minP: 0 }, about);
    return [...greedy, ...sampled];
  } finally {
    await model.dispose();
    rmSync(root, { recursive: true, force: true });
  }
}

async function figuresOf(
  model: LoadedModel,
  vocabulary: Vocabulary,
  plan: SamplingPlan,
  about: Figure['detail'],
): Promise<Figure[]> {
  const known = compile(freshSchema(), vocabulary);
  const sides = await interleave(ROUNDS, {
    stepMs: () => msPerToken(model),
    freeMs: async () => choosingMs(() => null, plan),
    knownMs: async () => choosingMs(() => known, plan),
    freshMs: async () => choosingMs(() => compile(freshSchema(), vocabulary), plan),
  });
  const { stepMs, freeMs } = sides;
  return (['knownMs', 'freshMs'] as const).map((side) => {
    const name = `masks-of-128k-${plan === null ? 'greedy' : 'sampled'}-${side === 'knownMs' ? 'known' : 'fresh'}`;
    const ratio = (stepMs + sides[side]) / (stepMs + freeMs);
    return figureOf(name, ratio, 'ratio', { atMost: 1.2 }, { ...about, ...sides });
  });
}

function compile(schema: unknown, vocabulary: Vocabulary): Constraint {
  return compileConstraint(({ terms, json }) => compileSchema(schema, terms, json, { param: 'format' }), vocabulary);
}

/** For each token; what compiling costs is in it, the making of scores is not. */
function choosingMs(constraintFor: () => Constraint | null, plan: SamplingPlan): number {
  const random = createRandom(7);
  const base = Float32Array.from({ length: VOCABULARY }, () => random() * 8);
  const beganAt = performance.now();
  const answer = constraintFor()?.begin(4 * TOKENS) ?? null;
  let ms = performance.now() - beganAt;
  const options = {
    plan,
    random,
    adjuster: null,
    logprobs: null,
    answer: answer && (() => answer),
    endIds: new Set([END]),
  };
  const choose = createChoosing(options)?.choose ?? likeliest;
  for (let token = 0; token < TOKENS; token++) {
    // Another token is the likeliest each time.
    const scores = base.slice();
    scores.set(base.subarray(token * 1_000), 0);
    ms += timed(() => choose(scores));
    if (answer?.isComplete() === true) break;
  }
  return ms / TOKENS;
}

function timed(work: () => unknown): number {
  const beganAt = performance.now();
  work();
  return performance.now() - beganAt;
}
