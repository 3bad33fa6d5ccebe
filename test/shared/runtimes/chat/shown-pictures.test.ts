import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createShownPictures,
  type ShownPicture,
} from '../../../../shared/runtimes/transformers/chat/shown-pictures.ts';
import { createEmbeddingSession } from '../../../../shared/runtimes/transformers/embedding/embedding-session.ts';
import type { Session, SessionTensor } from '../../../../shared/runtimes/transformers/session.ts';

const MARK = 9;
const WIDTH = 2;
const cat = { digest: 'cat', tokens: 2 };
const dog = { digest: 'dog', tokens: 3 };

/** Embeddings that say which token they are of, from `first` on. */
function seeing(first: number, tokens: number) {
  let looks = 0;
  const see = async () => {
    looks += 1;
    return {
      values: Float32Array.from({ length: tokens * WIDTH }, (_, at) => first + Math.floor(at / WIDTH)),
      width: 2,
    };
  };
  return { see, looks: () => looks };
}

const prompt = (pictures: readonly ShownPicture[], tokens: number, see = seeing(0, tokens).see) => ({
  ids: [1, ...new Array<number>(tokens).fill(MARK), 2],
  mark: MARK,
  pictures,
  see,
});

function tensor(type: string, data: unknown, dims: readonly number[]): SessionTensor {
  return { type, data, dims, location: 'cpu', dispose: () => undefined };
}

test('numbers the tokens of a picture alike in every prompt, and those of no other', () => {
  const shown = createShownPictures();
  const first = shown.open(prompt([cat], 2)).ids;
  const second = shown.open(prompt([cat, dog], 5)).ids;
  assert.deepEqual(second.slice(0, 3), first.slice(0, 3));
  assert.equal(new Set(second).size, second.length);
  assert.ok(second.slice(1, 6).every((id) => id < 0));
  const unevenly = shown.open(prompt([dog, cat], 5)).ids;
  assert.deepEqual(new Set(unevenly), new Set(second));
  const evenly = shown.open(
    prompt(
      [
        { ...cat, tokens: null },
        { ...dog, tokens: null },
      ],
      4,
    ),
  ).ids;
  assert.deepEqual(evenly.slice(1, 5), [...first.slice(1, 3), ...second.slice(3, 5)]);
  assert.throws(() => shown.open(prompt([cat], 3)), /another number/);
});

test('looks at the pictures of a prompt once, when the first of their tokens is read', async () => {
  const shown = createShownPictures();
  const eye = seeing(10, 5);
  const { ids, close } = shown.open(prompt([cat, dog], 5, eye.see));
  assert.equal(eye.looks(), 0);
  for (const [at, id] of ids.slice(1, 6).entries()) {
    assert.deepEqual([...(await shown.embeddingOf(id))], [10 + at, 10 + at]);
  }
  assert.equal(eye.looks(), 1);
  const other = seeing(50, 2);
  const again = shown.open(prompt([cat], 2, other.see));
  assert.deepEqual([...(await shown.embeddingOf(again.ids[1] ?? 0))], [10, 10]);
  close();
  assert.deepEqual([...(await shown.embeddingOf(again.ids[2] ?? 0))], [51, 51]);
  again.close();
  await assert.rejects(shown.embeddingOf(again.ids[1] ?? 0), /not shown any more/);
});

test('feeds a model the embeddings of words from its table and those of pictures as they were seen', async () => {
  const shown = createShownPictures();
  const { ids } = shown.open(prompt([cat], 2, seeing(70, 2).see));
  const session = (run: Session['run']): Session => ({ inputs: [], run, tensor, floats: () => new Float32Array() });
  const table = session(async ({ input_ids: words }) => {
    const of = Array.from(words?.data as BigInt64Array, Number).flatMap((id) => [id, id]);
    return { inputs_embeds: tensor('float32', Float32Array.from(of), [1, of.length / 2, WIDTH]) };
  });
  const inputs = [{ name: 'inputs_embeds', type: 'float32', shape: ['batch_size', 'sequence_length', WIDTH] }];
  const model = createEmbeddingSession({ ...session(async (feeds) => feeds), inputs }, table, shown);
  assert.deepEqual(model.inputs, [{ name: 'input_ids', type: 'int64', shape: ['batch_size', 'sequence_length'] }]);
  const fed = await model.run({ input_ids: tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]) });
  assert.deepEqual(Object.keys(fed), ['inputs_embeds']);
  assert.deepEqual(Array.from((fed.inputs_embeds as SessionTensor).data as Float32Array), [1, 1, 70, 70, 71, 71, 2, 2]);
});
