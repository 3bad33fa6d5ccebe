import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { boundaryOf, readMultipart } from '../../../relay/files/multipart.ts';
import { isProblem } from '../../support/problems.ts';

async function* cut(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function partsOf(source: AsyncIterable<Uint8Array>, boundary: string) {
  const parts: [string, string | undefined, string][] = [];
  for await (const { name, filename, body } of readMultipart(source, boundary)) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(Uint8Array.from(chunk));
    parts.push([name, filename, Buffer.concat(chunks).toString('latin1')]);
  }
  return parts;
}

test('a form is read the same however it is cut into chunks, also where it looks like its own boundary', async () => {
  const piece = fc.oneof(fc.constantFrom('\r\n', '\r\n--', '--edge', '\r\n--edg', '\r', '\n', '-'), fc.string());
  // Taking the boundary out would join what stood around it into another one.
  const content = fc.array(piece).map((pieces) => pieces.join('').replaceAll('\r\n--edge', 'x'));
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(content, content, sizes, async (first, second, chunkSizes) => {
      const [a, b] = [first, second].map((text) => Buffer.from(text).toString('latin1'));
      const form =
        `--edge\r\nContent-Disposition: form-data; name="a"\r\n\r\n${a}\r\n--edge\r\n` +
        `content-disposition: form-data; name="file"; filename="x%22y.wav"\r\ncontent-type: audio/wav\r\n\r\n${b}\r\n--edge--\r\n`;
      const parts = await partsOf(cut(Buffer.from(form, 'latin1'), chunkSizes), 'edge');
      assert.deepEqual(parts, [
        ['a', undefined, a],
        ['file', 'x"y.wav', b],
      ]);
    }),
  );
});

test('a form that Node writes is read as it was', async () => {
  const form = new FormData();
  form.set('purpose', 'user_data');
  form.set('file', new File(['one\r\ntwo'], 'ä "quoted".txt'));
  const { headers, body } = new Response(form);
  assert.ok(body);
  const parts = await partsOf(body, boundaryOf(headers.get('content-type') ?? ''));
  assert.deepEqual(parts, [
    ['purpose', undefined, 'user_data'],
    ['file', 'ä "quoted".txt', 'one\r\ntwo'],
  ]);
});

test('parts whose body nobody reads, or not to its end, are skipped', async () => {
  const part = (name: string) => `--e\r\ncontent-disposition: form-data; name="${name}"\r\n\r\nlong body\r\n`;
  const form = `${['begun', 'unread', 'read'].map(part).join('')}--e--`;
  const names: string[] = [];
  for await (const { name, body } of readMultipart(cut(Buffer.from(form), [3]), 'e')) {
    names.push(name);
    if (name === 'unread') continue;
    for await (const _ of body) if (name === 'begun') break;
  }
  assert.deepEqual(names, ['begun', 'unread', 'read']);
});

test('a form is read to its end, so that nothing of it stands before the next request', async () => {
  const source = cut(Buffer.from('--e\r\ncontent-disposition: form-data; name="a"\r\n\r\nb\r\n--e--\r\nmore'), [4]);
  assert.deepEqual(await partsOf(source, 'e'), [['a', undefined, 'b']]);
  assert.deepEqual(await source.next(), { done: true, value: undefined });
});

test('a form that is cut off or malformed is refused and says why', async () => {
  const head = '--e\r\ncontent-disposition: form-data; name="a"\r\n\r\n';
  const wrong: [string, RegExp][] = [
    ['', /too early/],
    ['--e', /too early/],
    [`${head}x`, /too early/],
    [`${head}x\r\n--e`, /too early/],
    [`${head}x\r\n--eXY`, /not followed by a line/],
    ['--e\r\ncontent-type: x\r\n\r\ny\r\n--e--', /no name/],
    [`--e\r\nx: ${'y'.repeat(9_000)}`, /too long|too early/],
    [`${`${head}x\r\n`.repeat(40)}--e--`, /more than 32/],
    [`${head}x\r\n--e--${'y'.repeat(70_000)}`, /follows its last boundary/],
  ];
  for (const [form, why] of wrong) {
    await assert.rejects(
      partsOf(cut(Buffer.from(form), [7, 9_000]), 'e'),
      isProblem('invalid_value', why),
      form.slice(0, 60),
    );
  }
  assert.throws(() => boundaryOf('multipart/form-data'), isProblem('invalid_value', /boundary/));
});
