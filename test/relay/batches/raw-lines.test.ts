import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RawLine, rawLines } from '../../../relay/batches/raw-lines.ts';
import { seededRandom } from '../../support/seeded-random.ts';

async function read(pieces: readonly Uint8Array[], mostBytes = 100): Promise<RawLine[]> {
  async function* source(): AsyncGenerator<Uint8Array> {
    yield* pieces;
  }
  const lines: RawLine[] = [];
  for await (const some of rawLines(source(), mostBytes)) lines.push(...some);
  return lines;
}

test('lines are the same in whatever pieces a file comes, and lie where they are said to lie', async () => {
  const random = seededRandom(7);
  const bytes = Buffer.from('\ufeff{"a":"漢字"}\r\n\n  \n{"b":1}\n\n\n{"c":"ü"}');
  const whole = await read([bytes]);
  assert.deepEqual(
    whole.map(({ number, text }) => [number, text]),
    [
      [1, '{"a":"漢字"}'],
      [3, ''],
      [4, '{"b":1}'],
      [7, '{"c":"ü"}'],
    ],
  );
  for (const { atByte, sizeBytes, text } of whole) {
    assert.equal(
      bytes
        .subarray(atByte, atByte + sizeBytes)
        .toString()
        .trim(),
      text,
    );
  }
  for (let round = 0; round < 200; round++) {
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const size = Math.floor(random() * 5);
      pieces.push(bytes.subarray(at, at + size));
      at += size;
    }
    assert.deepEqual(await read(pieces), whole);
  }
});

test('a line that is too large or no UTF-8 has no text, and those around it have theirs', async () => {
  const bytes = Buffer.concat([
    Buffer.from('first\n'),
    Buffer.alloc(101, 'x'),
    Buffer.from('\n'),
    Buffer.from([0xff, 0x0a]),
    Buffer.from('last\n'),
  ]);
  const lines = await read([bytes.subarray(0, 50), bytes.subarray(50)]);
  assert.deepEqual(
    lines.map(({ sizeBytes, text }) => [sizeBytes, text]),
    [
      [5, 'first'],
      [101, undefined],
      [1, undefined],
      [4, 'last'],
    ],
  );
  assert.deepEqual((await read([Buffer.alloc(100, 'x')]))[0]?.text?.length, 100);
  assert.deepEqual(await read([]), []);
});
