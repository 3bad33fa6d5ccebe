import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileConstraint } from '../../../../shared/runtimes/constraints/constraint.ts';
import { textUntil } from '../../../../shared/runtimes/constraints/free-text.ts';
import { compileSchema } from '../../../../shared/runtimes/constraints/schema.ts';
import { hasBit } from '../../../../shared/runtimes/constraints/token-masks.ts';
import { createRandom } from '../../../../shared/runtimes/transformers/decoding/random.ts';
import { largeVocabulary } from '../../../support/models/large-vocabulary.ts';

const vocabulary = largeVocabulary(20_000);
const SCHEMAS = [
  { type: 'array', items: { type: 'string', maxLength: 12 }, minItems: 1 },
  {
    type: 'object',
    properties: { name: { type: 'string' }, of: { type: 'integer', maximum: 999 } },
    required: ['name'],
  },
  {
    type: 'array',
    items: { anyOf: [{ type: 'string', maxLength: 12 }, { type: 'number' }, { enum: ['a"b', 'red'] }] },
  },
];

test('masks that grammars share hold exactly the tokens that each allows by itself', () => {
  // The second round finds what the first has left, under grammars of its own.
  for (const round of [0, 1]) {
    for (const schema of SCHEMAS) {
      const constraint = compileConstraint(
        ({ terms, json }) => compileSchema(schema, terms, json, { param: 'format' }),
        vocabulary,
      );
      const answer = constraint.begin(1_000_000);
      const random = createRandom(round);
      for (let step = 0; step < 15 && !answer.isComplete(); step++) {
        const mask = answer.mask();
        const allowed: number[] = [];
        for (let id = 0; id < vocabulary.size; id++) {
          if (hasBit(mask, id) !== answer.allows(id)) assert.fail(`token ${id} at step ${step} of round ${round}`);
          if (hasBit(mask, id)) allowed.push(id);
        }
        answer.accept(allowed[Math.floor(random() * allowed.length)] ?? -1);
      }
    }
  }
});

test('texts that go on differently after their mark share nothing', () => {
  const allowed = (then: string, token: string) => {
    const constraint = compileConstraint(({ terms }) => textUntil(terms, '<', terms.literal(then)), vocabulary);
    const [id = -1] = vocabulary.trie().tokensOf(token);
    return hasBit(constraint.begin(1_000).mask(), id);
  };
  assert.deepEqual([allowed('/', '</'), allowed('/', '<>')], [true, false]);
  assert.deepEqual([allowed('>', '</'), allowed('>', '<>')], [false, true]);
});
