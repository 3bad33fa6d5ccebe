import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nearestNames } from '../../../../relay/fabric/documents/nearest-names.ts';

const KNOWN = ['lab/chat-small', 'lab/chat-large', 'lab/embed', 'other/vision'];

test('puts the name with the fewest changed letters first', () => {
  assert.equal(nearestNames('lab/chat-smal', KNOWN)[0], 'lab/chat-small');
  assert.equal(nearestNames('lab/chat-lrage', KNOWN)[0], 'lab/chat-large');
  assert.equal(nearestNames('LAB/EMBED', KNOWN)[0], 'lab/embed');
});

test('counts a part of a name as near', () => {
  assert.equal(nearestNames('vision', KNOWN)[0], 'other/vision');
  assert.equal(nearestNames('lab/embed-fp16-onnx', KNOWN)[0], 'lab/embed');
});

test('names nothing that is far off', () => {
  for (const far of ['gpt-4o', 'whisper-large-v3', 'zzz', 'b', '', 'x'.repeat(500)])
    assert.deepEqual(nearestNames(far, KNOWN), [], far);
  assert.deepEqual(nearestNames('lab/embde', KNOWN), ['lab/embed'], 'one that is near stands alone');
  assert.deepEqual(nearestNames('port', ['host', 'prot', 'tls']), ['prot']);
  assert.deepEqual(nearestNames('attik', ['attic-7f3k2m9xqa', 'cellar-2b8d4h6kqz']), ['attic-7f3k2m9xqa']);
  assert.deepEqual(nearestNames('a', ['a', 'b']), ['a']);
  assert.deepEqual(nearestNames('banana', ['a', 'an', 'ba']), [], 'what is in everything says nothing');
});

test('knows a model by its name at another hub, and with what converters append', () => {
  const known = ['onnx-community/Llama-3.2-1B-Instruct-ONNX', 'onnx-community/whisper-tiny', 'sparewatt/demo-chat'];
  for (const asked of ['llama-3.2-1b', 'meta-llama/Llama-3.2-1B-Instruct', 'Llama-3.2-1B-Instruct-ONNX-int8']) {
    assert.deepEqual(nearestNames(asked, known), [known[0]], asked);
  }
});

test('names three at most, none twice and none that is not known, whatever is asked for', () => {
  fc.assert(
    fc.property(fc.string(), fc.uniqueArray(fc.string({ maxLength: 20 }), { maxLength: 8 }), (wanted, known) => {
      const names = nearestNames(wanted, known);
      assert.ok(names.length <= 3);
      assert.equal(new Set(names).size, names.length);
      assert.ok(names.every((name) => known.includes(name)));
      if (known.includes(wanted) && wanted !== '') assert.ok(nearestNames(wanted, [wanted]).includes(wanted));
    }),
    { seed: 7, numRuns: 200 },
  );
});

test('a name of a megabyte takes no longer than one of its first 256 letters', () => {
  const long = `${'a'.repeat(300)}${'b'.repeat(1_000_000)}`;
  assert.deepEqual(
    nearestNames(long, [...KNOWN, 'a'.repeat(280)]),
    nearestNames(long.slice(0, 256), [...KNOWN, 'a'.repeat(280)]),
  );
});

test('looks at a thousand names, however many there are', () => {
  const names = Array.from({ length: 5_000 }, (_, at) => `name-${String(at).padStart(4, '0')}-end`);
  assert.equal(nearestNames('name-0999-end', names)[0], 'name-0999-end');
  assert.ok(!nearestNames('name-4999-end', names).includes('name-4999-end'));
});

test('compares the first letters of long names', () => {
  const head = 'a'.repeat(64);
  const tail = 'y'.repeat(100);
  const known = [`${head}${'x'.repeat(100)}`, `${'a'.repeat(30)}${'c'.repeat(34)}${tail}`];
  assert.equal(nearestNames(`${head}${tail}`, known)[0], known[0]);
});
