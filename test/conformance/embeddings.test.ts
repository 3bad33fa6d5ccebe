import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type OpenAI from 'openai';
import { assertError, type ExpectedError, readError } from '../support/error-answers.ts';
import { startPool } from '../support/pool.ts';
import { DIMENSIONS } from '../support/runtimes/synthetic-runtime.ts';

const pool = await startPool();
after(() => pool.close());
await pool.addNode();

const client = pool.client();
const MODEL = 'test/vectors';

/** What the synthetic model makes of an input of this length. */
const vectorOf = (length: number) => Array.from({ length: DIMENSIONS }, (_, i) => length / (i + 1));

async function post(body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return pool.request('/v1/embeddings', { method: 'POST', headers, body: JSON.stringify(body) });
}

async function assertRefused(body: object, expected: ExpectedError): Promise<void> {
  assertError(await readError(await post({ model: MODEL, ...body })), expected);
}

function assertClose(actual: readonly number[] | undefined, expected: readonly number[]): void {
  assert.equal(actual?.length, expected.length);
  for (const [i, value] of expected.entries()) {
    assert.ok(Math.abs((actual?.[i] ?? Number.NaN) - value) <= 1e-6 * Math.abs(value), `${actual?.[i]} for ${value}`);
  }
}

test('[E1] takes a text, a list of texts, a list of tokens and a list of lists of tokens', async () => {
  const cases: [OpenAI.EmbeddingCreateParams['input'], number[]][] = [
    ['four', [4]],
    [
      ['a', 'bcd'],
      [1, 3],
    ],
    [[1, 2, 3, 4, 5], [5]],
    [
      [[1, 2], [3]],
      [2, 1],
    ],
  ];
  for (const [input, lengths] of cases) {
    const { data } = await client.embeddings.create({ model: MODEL, input });
    assert.equal(data.length, lengths.length);
    for (const [row, length] of lengths.entries()) assertClose(data[row]?.embedding, vectorOf(length));
  }
});

test('[E2] sends floats by default and little-endian float32 as base64 when asked, equal to 1e-6', async () => {
  const input = ['a', 'bcd', 'x'.repeat(77)];
  const answers = await Promise.all(
    [{}, { encoding_format: null }, { encoding_format: 'float' }, { encoding_format: 'base64' }].map(async (format) => {
      const { data } = (await (await post({ model: MODEL, input, ...format })).json()) as {
        data: { embedding: unknown }[];
      };
      return data.map(({ embedding }) => embedding);
    }),
  );
  const [plain, asNull, floats, base64] = answers;
  assert.deepEqual(asNull, plain);
  assert.deepEqual(floats, plain);
  base64?.forEach((text, row) => {
    assert.equal(typeof text, 'string');
    const bytes = Buffer.from(text as string, 'base64');
    const decoded = Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4));
    assertClose(decoded, floats?.[row] as number[]);
    assertClose(decoded, vectorOf(input[row]?.length ?? 0));
  });
});

test('[E2] gives the official client numbers, whichever format it asks for', async () => {
  for (const format of [{}, { encoding_format: 'float' as const }]) {
    const { data } = await client.embeddings.create({ model: MODEL, input: 'four', ...format });
    assertClose(data[0]?.embedding, vectorOf(4));
  }
});

test('[E2] refuses other formats and names the ones there are', async () => {
  const expected = { code: 'invalid_value', param: 'encoding_format', message: /must be "float" or "base64"/ } as const;
  await assertRefused({ input: 'x', encoding_format: 'hex' }, expected);
});

test('[E3] honours dimensions or refuses them', async () => {
  const { data } = await client.embeddings.create({ model: MODEL, input: 'x', dimensions: DIMENSIONS });
  assert.equal(data[0]?.embedding.length, DIMENSIONS);
  await assertRefused({ input: 'x', dimensions: 3 }, { code: 'unsupported_parameter', param: 'dimensions' });
  await assertRefused({ input: 'x', dimensions: 0 }, { code: 'invalid_value', param: 'dimensions' });
});

test('[E4] keeps the order of the inputs, and numbers the vectors by it', async () => {
  const lengths = Array.from({ length: 300 }, (_, i) => ((i * 37) % 300) + 1);
  const { data } = await client.embeddings.create({ model: MODEL, input: lengths.map((length) => 'x'.repeat(length)) });
  assert.deepEqual(
    data.map(({ index, object }) => [index, object]),
    lengths.map((_, i) => [i, 'embedding']),
  );
  for (const [row, length] of lengths.entries()) assertClose(data[row]?.embedding, vectorOf(length));
});

test('[E5] refuses empty inputs', async () => {
  for (const input of ['', []]) await assertRefused({ input }, { code: 'invalid_value', param: 'input' });
  await assertRefused({ input: ['a', ''] }, { code: 'invalid_value', param: 'input.1' });
  await assertRefused({ input: [[]] }, { code: 'invalid_value', param: 'input.0' });
  await assertRefused({}, { code: 'missing_required_parameter', param: 'input' });
});

test('[E5] refuses inputs that are neither text nor tokens', async () => {
  const inputs = [null, 5, { a: 1 }, ['a', 1], [1, 'a'], [1.5], [-1], [[1], 'a'], [['a']], [1, null]];
  for (const input of inputs) {
    const answer = await readError(await post({ model: MODEL, input }));
    const { param } = assertError(answer, { code: 'invalid_value' });
    assert.match(param ?? '', /^input(\.\d)*$/, JSON.stringify(input));
  }
});

test('[E6] takes 2,048 inputs and refuses one more', async () => {
  const input = Array.from({ length: 2_048 }, () => 'x');
  const { data } = await client.embeddings.create({ model: MODEL, input });
  assert.equal(data.length, 2_048);
  assert.equal(data.at(-1)?.index, 2_047);
  await assertRefused({ input: [...input, 'x'] }, { code: 'invalid_value', param: 'input', message: /2048/ });
});

test('[E7] counts the tokens', async () => {
  const { usage, object, model } = await client.embeddings.create({ model: MODEL, input: ['ab', 'cde'] });
  assert.deepEqual(
    { usage, object, model },
    { usage: { prompt_tokens: 5, total_tokens: 5 }, object: 'list', model: MODEL },
  );
});

test('[CH18] reports what has no effect on embeddings', async () => {
  const response = await post({ model: MODEL, input: 'x', user: 'u', extra: null });
  assert.deepEqual([response.status, response.headers.get('x-sparewatt-ignored-params')], [200, 'user']);
});

test('answers 413 when token numbers grow over what the bus carries', async () => {
  const input = `[${Array.from({ length: 800_000 }, () => '1e15').join(',')}]`;
  const response = await pool.request('/v1/embeddings', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: `{"model":"${MODEL}","input":${input}}`,
  });
  assertError(await readError(response), { code: 'body_too_large' });
});
