import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAtMost } from '../../../shared/protocol/read-body.ts';

const piece = (text: string) => new TextEncoder().encode(text);

test('a body is read whole up to the limit', async () => {
  const body = new Response(new Blob([piece('four'), piece(' and'), piece(' more')])).body;
  assert.equal(new TextDecoder().decode(await readAtMost(body, 13)), 'four and more');
  assert.deepEqual(await readAtMost(null, 0), new Uint8Array());
});

test('of a body that goes on beyond the limit nothing more is fetched', async () => {
  let pulled = 0;
  let isLeft = false;
  const endless = new ReadableStream<Uint8Array>(
    {
      pull: (line) => {
        pulled += 1;
        line.enqueue(piece('four'));
      },
      cancel: () => {
        isLeft = true;
      },
    },
    { highWaterMark: 0 },
  );
  assert.equal(await readAtMost(endless, 11), undefined);
  assert.deepEqual([pulled, isLeft], [3, true]);
});
