import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jsonStream } from '../../../../relay/routes/http/json-pieces.ts';
import { countTurns } from '../../../support/turns.ts';

async function textOf(value: Record<string, unknown>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of jsonStream(value)) chunks.push(Buffer.from(chunk as Buffer | string));
  return Buffer.concat(chunks).toString();
}

test('writes any object as JSON.stringify does', async () => {
  const value = fc.dictionary(fc.string(), fc.jsonValue());
  await fc.assert(
    fc.asyncProperty(value, async (object) => {
      assert.deepEqual(JSON.parse(await textOf(object)), JSON.parse(JSON.stringify(object)));
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('writes lists of every length around that of a piece', async () => {
  for (const length of [0, 1, 99, 100, 101, 199, 200, 250]) {
    const list = Array.from({ length }, (_, i) => i);
    const object = Object.fromEntries(list.map((i) => [`k${i}`, i]));
    assert.deepEqual(JSON.parse(await textOf({ list, object })), { list, object });
  }
});

test('makes the items of a list when their turn comes, and not before somebody reads', async () => {
  let made = 0;
  function* items(): Iterable<{ text: string }> {
    for (let i = 0; i < 10_000; i += 1) {
      made += 1;
      yield { text: 'x'.repeat(1_000) };
    }
  }
  const stream = jsonStream({ items: items() });
  assert.equal(Number(made), 0);
  await new Promise((resolve) => stream.once('readable', resolve));
  assert.ok(made > 0 && made <= 300, String(made));
  let size = 0;
  for await (const chunk of stream) size += (chunk as Buffer).length;
  assert.ok(made === 10_000 && size > 10_000_000);
});

test('lets others have their turn between two pieces, also when its reader keeps up', async () => {
  const list = Array.from({ length: 5_000 }, () => 'x'.repeat(1_000));
  const turns = countTurns();
  await textOf({ list });
  turns.stop();
  assert.ok(turns.now() > 30, `${turns.now()} turns for 5 MB`);
});
