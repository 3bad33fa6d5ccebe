import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ConstrainedAnswer, compileConstraint } from '../../../../shared/runtimes/constraints/constraint.ts';
import { createLogprobReader } from '../../../../shared/runtimes/transformers/decoding/logprobs.ts';
import { createRandom } from '../../../../shared/runtimes/transformers/decoding/random.ts';
import { createScoreAdjuster } from '../../../../shared/runtimes/transformers/decoding/score-adjuster.ts';
import {
  type ChoosingOptions,
  createChoosing,
} from '../../../../shared/runtimes/transformers/decoding/token-chooser.ts';
import { byteVocabulary } from '../../../support/models/byte-vocabulary.ts';
import { isProblem } from '../../../support/problems.ts';

const vocabulary = byteVocabulary();
const END = vocabulary.end;
const A = 'a'.charCodeAt(0);
const PLAIN: ChoosingOptions = {
  plan: null,
  random: createRandom(1),
  adjuster: null,
  logprobs: null,
  answer: null,
  endIds: new Set([END]),
};

function scores(values: Readonly<Record<number, number>> = {}, otherwise = 0): Float32Array {
  const result = new Float32Array(vocabulary.size).fill(otherwise);
  for (const [id, score] of Object.entries(values)) result[Number(id)] = score;
  return result;
}

function choicesOf(...texts: string[]) {
  return compileConstraint(({ terms, json }) => terms.choice(texts.map(json.text)), vocabulary);
}

function heldTo(answer: ConstrainedAnswer) {
  return () => answer;
}

function chooserOf(options: Partial<ChoosingOptions>) {
  return createChoosing({ ...PLAIN, ...options }) ?? assert.fail();
}

const SAMPLED = { temperature: 1, topP: 1, topK: 0, minP: 0 };

test('leaves greedy decoding alone where nothing is wished, and nothing else', () => {
  assert.equal(createChoosing(PLAIN), null);
  const wishes: Partial<ChoosingOptions>[] = [
    { plan: SAMPLED },
    { adjuster: createScoreAdjuster({ presencePenalty: 1 }, {}, [], 3) },
    { logprobs: createLogprobReader(0, (id) => ({ token: String(id), bytes: [id] })) },
    { answer: heldTo(choicesOf('a').begin(1)) },
  ];
  for (const wish of wishes) assert.notEqual(createChoosing({ ...PLAIN, ...wish }), null);
});

test('takes the likeliest token that is allowed', () => {
  const { choose } = chooserOf({ answer: heldTo(choicesOf('xyz', 'ab').begin(9)) });
  assert.equal(choose(scores({ [A]: 1, [A + 1]: 5 })), A);
  assert.equal(choose(scores({ [A]: 9 })), A + 1);
});

test('ends exactly where the format is complete', () => {
  for (const plan of [null, SAMPLED]) {
    const { choose, isSqueezed } = chooserOf({ plan, answer: heldTo(choicesOf('a', 'aa').begin(9)) });
    assert.equal(choose(scores({ [END]: 99 })), A, 'the end does not come first');
    assert.equal(choose(scores({ [END]: 99 })), END);
    assert.equal(isSqueezed(), false);
  }
});

test('also where the model rules out all that may come', () => {
  const random = createRandom(2);
  for (let draw = 0; draw < 20; draw++) {
    const { choose } = chooserOf({ plan: SAMPLED, random, answer: heldTo(choicesOf('a').begin(9)) });
    assert.equal(choose(scores({ 5: 1 }, Number.NEGATIVE_INFINITY)), A);
    assert.equal(choose(scores({ 5: 1 }, Number.NEGATIVE_INFINITY)), END);
  }
});

test('draws among the allowed tokens by their own shares', () => {
  const constraint = choicesOf('a', 'b', 'c');
  // Also where the model would rather have another, or none more than them.
  for (const elsewhere of [10, 0]) {
    const counts = new Map<number, number>();
    const random = createRandom(3);
    for (let draw = 0; draw < 8_000; draw++) {
      const { choose, isSqueezed } = chooserOf({ plan: SAMPLED, random, answer: heldTo(constraint.begin(1)) });
      const id = choose(scores({ [A]: Math.log(3), [A + 1]: 0, [A + 2]: 0, 5: elsewhere }));
      assert.equal(isSqueezed(), false);
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    for (const [id, share] of [[A, 0.6] as const, [A + 1, 0.2] as const, [A + 2, 0.2] as const]) {
      assert.ok(Math.abs((counts.get(id) ?? 0) / 8_000 - share) < 0.025, `${id}: ${counts.get(id)}`);
    }
  }
});

test('chooses an allowed token even where the model rules all of them out', () => {
  const { choose } = chooserOf({ answer: heldTo(choicesOf('a').begin(1)) });
  assert.equal(choose(scores({ 5: 1 }, Number.NEGATIVE_INFINITY)), A);
});

test('turns to the shortest way when the budget asks for it, keeps the shares there, and says so', () => {
  const constraint = choicesOf('abcdefgh', 'a', 'b');
  const { choose, isSqueezed } = chooserOf({ answer: heldTo(constraint.begin(1)) });
  assert.equal(choose(scores({ [A]: 5 })), A, 'which is complete as it is');
  assert.equal(isSqueezed(), false);

  const long = compileConstraint(({ json }) => json.string(0, 50), vocabulary);
  const counts = new Map<number, number>();
  const random = createRandom(4);
  for (let draw = 0; draw < 4_000; draw++) {
    const answer = long.begin(3);
    const tight = chooserOf({ plan: SAMPLED, random, answer: () => answer });
    assert.equal(tight.choose(scores({ 34: 50 })), 34);
    tight.choose(scores({ [A]: 50 }));
    const last = tight.choose(scores({ [A]: 50, 34: 20 }));
    assert.ok(answer.isComplete());
    assert.ok(tight.isSqueezed());
    counts.set(last, (counts.get(last) ?? 0) + 1);
  }
  assert.deepEqual([...counts.keys()], [34]);
});

test('counts what it has chosen, and no end, among what the wishes are about', () => {
  const { choose } = chooserOf({ adjuster: createScoreAdjuster({ frequencyPenalty: 1 }, {}, [], vocabulary.size) });
  assert.equal(choose(scores({ [END]: 2 })), END);
  assert.equal(choose(scores({ [END]: 2, [A]: 1 })), END);
  assert.equal(choose(scores({ [A]: 2 })), A);
  assert.equal(choose(scores({ [A]: 2, [A + 1]: 1.5 })), A + 1);
});

test('subtracts the frequency penalty for each time and the presence penalty once', () => {
  const adjuster = createScoreAdjuster({ frequencyPenalty: 0.5, presencePenalty: 0.25 }, {}, [7], 100) ?? assert.fail();
  adjuster.made(3);
  adjuster.made(3);
  adjuster.made(4);
  const some = Float32Array.of(1, 1, 1, 1, 1, 1, 1, 1);
  adjuster.adjust(some);
  assert.deepEqual([...some], [1, 1, 1, 1 - 1.25, 1 - 0.75, 1, 1, 1]);
});

test('divides by the repetition penalty what the prompt or the answer has, as the model asks unless the caller does', () => {
  const defaults = { repetition_penalty: 2 };
  const scored = (wish: object): number[] => {
    const adjuster = createScoreAdjuster(wish, defaults, [1], 100);
    adjuster?.made(2);
    const some = Float32Array.of(4, 4, -4);
    adjuster?.adjust(some);
    return [...some];
  };
  assert.deepEqual(scored({}), [4, 2, -8]);
  assert.deepEqual(scored({ repetitionPenalty: 4 }), [4, 1, -16]);
  assert.deepEqual(scored({ repetitionPenalty: 1 }), [4, 4, -4]);
});

test('adds a bias, and refuses one for a token that is not there', () => {
  const adjuster = createScoreAdjuster({ logitBias: { '1': -100, '2': 3 } }, {}, [], 3) ?? assert.fail();
  const some = Float32Array.of(1, 1, 1);
  adjuster.adjust(some);
  assert.deepEqual([...some], [1, -99, 4]);
  assert.throws(
    () => createScoreAdjuster({ logitBias: { '3': 1 } }, {}, [], 3),
    isProblem('invalid_value', /3 tokens/),
  );
});

test('tells probabilities from the scores before any wish', () => {
  const reader = createLogprobReader(2, (id) => ({ token: String(id), bytes: [id] }));
  const { choose } = chooserOf({
    logprobs: reader,
    adjuster: createScoreAdjuster({ logitBias: { '0': -100 } }, {}, [], 3),
  });
  const id = choose(Float32Array.of(Math.log(0.5), Math.log(0.2), Math.log(0.3)));
  const { token, bytes, logprob, top } = reader.of(id);
  assert.deepEqual([token, bytes], ['2', [2]]);
  assert.ok(Math.abs(Math.exp(logprob) - 0.3) < 1e-6);
  assert.deepEqual(
    top.map((other) => [other.token, Math.round(Math.exp(other.logprob) * 100)]),
    [
      ['0', 50],
      ['2', 30],
    ],
  );
  reader.look(Float32Array.of(0, Number.NEGATIVE_INFINITY, 0));
  assert.equal(reader.of(1).logprob, -9_999);
});
