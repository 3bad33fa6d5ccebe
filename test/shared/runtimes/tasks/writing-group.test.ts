import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReadRows, WritingGraph } from '../../../../shared/runtimes/transformers/tasks/writing-graph.ts';
import { createWritingGroup } from '../../../../shared/runtimes/transformers/tasks/writing-group.ts';

/** Its scores of a row are the source's length and the token; its caches cannot be taken apart, as those on a GPU. */
function wholeGraph(failsAt = Number.POSITIVE_INFINITY) {
  const passes: number[][] = [];
  const dropped: ReadRows[] = [];
  const written = { columns: 0, tensors: {} };
  const graph: WritingGraph = {
    takesMask: true,
    breathe: null,
    async read(sources) {
      return { lengths: sources.map(({ length }) => length), source: written, written };
    },
    async write(rows, tokens) {
      passes.push([...tokens]);
      if (passes.length >= failsAt) throw new Error('device lost');
      return { rows, scores: (row) => Float32Array.of(rows.lengths[row] ?? 0, tokens[row] ?? 0) };
    },
    canPick: () => false,
    pick: () => assert.fail('a cache was taken apart'),
    drop: (rows) => void dropped.push(rows),
  };
  return { graph, passes, dropped };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const options = { mayPad: true, run: <Result>(pass: () => Promise<Result>) => pass() };

async function readAll(graph: WritingGraph) {
  const [first, second] = createWritingGroup(graph, 2, options);
  assert.ok(first !== undefined && second !== undefined);
  await Promise.all([first.read([7, 8]), second.read([9])]);
  return { first, second };
}

test('a row that has left is computed on where caches cannot be taken apart, and nobody hears of it', async () => {
  const { graph, passes, dropped } = wholeGraph();
  const { first, second } = await readAll(graph);
  const scores = await Promise.all([first.write(3), second.write(4)]);
  assert.deepEqual(scores, [Float32Array.of(2, 3), Float32Array.of(1, 4)]);
  first.leave();
  assert.deepEqual(await second.write(5), Float32Array.of(1, 5));
  assert.deepEqual(passes, [
    [3, 4],
    [0, 5],
  ]);
  assert.equal(dropped.length, 0);
  second.leave();
  assert.equal(dropped.length, 1);
});

test('no pass runs before all that are there have asked', async () => {
  const { graph, passes } = wholeGraph();
  const { first, second } = await readAll(graph);
  const scores = first.write(3);
  for (let turns = 0; turns < 5; turns++) await turn();
  assert.equal(passes.length, 0);
  second.leave();
  assert.deepEqual(await scores, Float32Array.of(2, 3));
});

test('where caches cannot be taken apart, a pass that fails has failed for all', async () => {
  const { graph, passes } = wholeGraph(1);
  const { first, second } = await readAll(graph);
  const failed = [first.write(3), second.write(4)].map((asked) => assert.rejects(asked, /device lost/));
  await Promise.all(failed);
  assert.equal(passes.length, 1);
});
