import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { ChatCompletionCreateParamsNonStreaming } from 'openai/resources/chat/completions';
import { DEMO_CHAT, startDemoPool } from '../support/demo-pool.ts';
import { assertError, readError } from '../support/error-answers.ts';
import { judgeOf } from '../support/json-schema.ts';

const pool = await startDemoPool();
after(() => pool.close());
const client = pool.client();
const ASK: ChatCompletionCreateParamsNonStreaming = {
  model: DEMO_CHAT,
  messages: [{ role: 'user', content: 'What is 17 + 25?' }],
};

/** What the model has never heard, so that its answers vary. */
const LOOSE = { messages: [{ role: 'user' as const, content: 'zq xv?' }], temperature: 2, max_tokens: 20 };

const PERSON = {
  type: 'object',
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 20 },
    age: { type: 'integer', minimum: 0, maximum: 120 },
    tags: { type: 'array', items: { enum: ['new', 'old'] }, minItems: 1, maxItems: 3 },
    nested: { anyOf: [{ type: 'null' }, { $ref: '#/$defs/point' }] },
  },
  required: ['name', 'age', 'tags', 'nested'],
  additionalProperties: false,
  $defs: {
    point: { type: 'object', properties: { x: { type: 'number' } }, required: ['x'], additionalProperties: false },
  },
};
const schemaFormat = (schema: Record<string, unknown>) => ({
  type: 'json_schema' as const,
  json_schema: { name: 'response', strict: true, schema },
});

function post(body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return pool.request('/v1/chat/completions', { method: 'POST', headers, body: JSON.stringify({ ...ASK, ...body }) });
}

async function contentOf(part: Partial<ChatCompletionCreateParamsNonStreaming>): Promise<string> {
  const { choices } = await client.chat.completions.create({ ...ASK, ...part });
  return choices[0]?.message.content ?? '';
}

test('[CH11] answers in JSON that is valid under the schema, greedy and sampled', async () => {
  const judge = judgeOf(PERSON);
  for (const temperature of [0, 0.7, 2]) {
    for (const seed of [1, 2, 3]) {
      const content = await contentOf({ response_format: schemaFormat(PERSON), temperature, seed, max_tokens: 120 });
      assert.equal(judge(JSON.parse(content)), null, content);
    }
  }
});

test('[CH11] streams the same JSON as it answers whole', async () => {
  const asked = { ...ASK, response_format: schemaFormat(PERSON), temperature: 1, seed: 5, max_tokens: 120 };
  let text = '';
  for await (const chunk of await client.chat.completions.create({ ...asked, stream: true })) {
    text += chunk.choices[0]?.delta.content ?? '';
  }
  assert.equal(text, await contentOf(asked));
});

test('[CH11] answers with an object for json_object', async () => {
  for (const seed of [1, 2, 3, 4]) {
    const content = await contentOf({
      response_format: { type: 'json_object' },
      temperature: 1.5,
      seed,
      max_tokens: 60,
    });
    assert.match(content, /^\{/);
    assert.equal(typeof JSON.parse(content), 'object');
  }
});

test('[CH11] a schema beside json_object is held to, as llama.cpp and instructor for JavaScript say it', async () => {
  const schema = {
    type: 'object',
    properties: { total: { type: 'integer' } },
    required: ['total'],
    additionalProperties: false,
  };
  const response = await post({ response_format: { type: 'json_object', schema } });
  const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
  assert.equal(judgeOf(schema)(JSON.parse(choices[0]?.message.content ?? '')), null);
});

test('[CH11] closes the JSON when max_tokens runs out, and says that it was cut', async () => {
  const schema = {
    type: 'object',
    properties: { text: { type: 'string', minLength: 200 } },
    required: ['text'],
    additionalProperties: false,
  };
  const asked = { ...ASK, response_format: schemaFormat(schema), temperature: 0 };
  const { choices, usage } = await client.chat.completions.create({ ...asked, max_tokens: 220 });
  assert.equal(judgeOf(schema)(JSON.parse(choices[0]?.message.content ?? '')), null);
  assert.ok((usage?.completion_tokens ?? 999) <= 220);
  const free = await client.chat.completions.create({
    ...ASK,
    response_format: { type: 'json_object' },
    temperature: 2,
    max_tokens: 9,
    seed: 3,
  });
  assert.equal(typeof JSON.parse(free.choices[0]?.message.content ?? ''), 'object');
});

test('[CH11] refuses a max_tokens in which no valid answer fits, with both numbers', async () => {
  const answer = await readError(await post({ response_format: schemaFormat(PERSON), max_tokens: 3 }));
  assertError(answer, { code: 'invalid_value', param: 'max_completion_tokens', message: /\d\d tokens .* is 3/ });
});

test('[CH11] refuses what it cannot enforce, with the place in the schema', async () => {
  const at = 'response_format.json_schema.schema';
  const refused: [string, object][] = [
    [`${at}.properties.a.uniqueItems`, { type: 'object', properties: { a: { type: 'array', uniqueItems: true } } }],
    [`${at}.not`, { not: { type: 'string' } }],
    [`${at}.minLenght`, { type: 'string', minLenght: 3 }],
    [`${at}.pattern`, { type: 'string', pattern: '^(?=a)' }],
    [`${at}.format`, { type: 'string', format: 'iri' }],
    [`${at}.oneOf`, { oneOf: [{ type: 'number' }, { type: 'integer' }] }],
  ];
  for (const [param, schema] of refused) {
    const answer = await readError(await post({ response_format: { type: 'json_schema', json_schema: { schema } } }));
    assertError(answer, { code: 'unsupported_parameter', param });
  }
});

test('[CH11] refuses schemas that are wrong, empty, circular or too large, at once', async () => {
  const deep = (levels: number): object =>
    levels === 0 ? { type: 'null' } : { items: deep(levels - 1), type: 'array' };
  const many = Object.fromEntries(Array.from({ length: 9_000 }, (_, at) => [`p${at}`, { type: 'null' }]));
  const wrong: object[] = [
    { type: 'strnig' },
    { $ref: '#/$defs/none' },
    { $ref: 'https://example.com/schema.json' },
    { $ref: '#' },
    { type: 'object', properties: { next: { $ref: '#' } }, required: ['next'] },
    { type: 'integer', minimum: 5, maximum: 4 },
    { type: 'string', pattern: '(' },
    deep(200),
    { type: 'object', properties: many },
  ];
  for (const schema of wrong) {
    const answer = await readError(await post({ response_format: { type: 'json_schema', json_schema: { schema } } }));
    assertError(answer, { code: 'invalid_value' });
  }
  const none = await readError(await post({ response_format: { type: 'json_schema', json_schema: { name: 'x' } } }));
  assertError(none, { code: 'missing_required_parameter', param: 'response_format.json_schema.schema' });
});

test('[CH11] refuses a stop sequence beside a format, since it could cut the JSON', async () => {
  const answer = await readError(await post({ response_format: { type: 'json_object' }, stop: '}' }));
  assertError(answer, { code: 'invalid_value', param: 'stop' });
});

test('[CH11] answers with one of the choices, and with text that matches', async () => {
  const choice = ['forty two', 'forty three', 'neither'];
  for (const seed of [1, 2, 3]) {
    const extra = { structured_outputs: { choice } } as object;
    assert.ok(choice.includes(await contentOf({ ...extra, temperature: 2, seed })));
    const regex = { structured_outputs: { regex: '(yes|no), [0-9]{2}%' } } as object;
    assert.match(await contentOf({ ...regex, temperature: 2, seed }), /^(yes|no), [0-9]{2}%$/);
  }
});

test('[CH14] repeats an answer for a seed, and gives others for others', async () => {
  const say = (seed: number) => contentOf({ ...LOOSE, seed });
  assert.equal(await say(7), await say(7));
  assert.ok(new Set(await Promise.all([1, 2, 3, 4].map(say))).size > 1);
});

test('[CH14] takes top_p and min_p to the likeliest token, whatever the temperature', async () => {
  const greedy = await contentOf({ temperature: 0 });
  assert.equal(greedy, '42');
  for (const part of [{ top_p: 0.0001 }, { min_p: 1 }, { top_k: 1 }]) {
    assert.equal(await contentOf({ ...(part as object), temperature: 2, seed: 1 }), greedy);
  }
});

test('[CH14] tells how likely each token was, and the likeliest others', async () => {
  const { choices } = await client.chat.completions.create({ ...ASK, logprobs: true, top_logprobs: 3, temperature: 0 });
  const tokens = choices[0]?.logprobs?.content ?? [];
  assert.equal(tokens.map(({ token }) => token).join(''), choices[0]?.message.content);
  for (const { token, logprob, bytes, top_logprobs } of tokens) {
    assert.deepEqual(bytes, [...new TextEncoder().encode(token)]);
    assert.equal(top_logprobs.length, 3);
    assert.deepEqual([top_logprobs[0]?.token, top_logprobs[0]?.logprob], [token, logprob]);
    const shares = top_logprobs.map((other) => Math.exp(other.logprob));
    assert.ok(shares.reduce((sum, share) => sum + share, 0) <= 1 + 1e-6);
    assert.deepEqual(
      shares,
      shares.toSorted((a, b) => b - a),
    );
  }
  assert.equal((await client.chat.completions.create(ASK)).choices[0]?.logprobs, null);
});

test('[CH14] streams the probabilities with their tokens', async () => {
  const tokens: string[] = [];
  let text = '';
  for await (const { choices } of await client.chat.completions.create({ ...ASK, logprobs: true, stream: true })) {
    tokens.push(...(choices[0]?.logprobs?.content ?? []).map(({ token }) => token));
    text += choices[0]?.delta.content ?? '';
  }
  assert.equal(tokens.join(''), text);
  assert.equal(text, '42');
});

test('[CH14] adds logit_bias, so that a token never comes or always does', async () => {
  const { choices } = await client.chat.completions.create({ ...ASK, logprobs: true, top_logprobs: 5 });
  const first = choices[0]?.logprobs?.content?.[0];
  assert.equal(first?.token, '4');
  // The demo tokenizer gives the printable characters the ids after its nine special tokens, in order.
  const four = String(9 + '4'.charCodeAt(0) - '!'.charCodeAt(0));
  assert.doesNotMatch(await contentOf({ logit_bias: { [four]: -100 }, temperature: 0 }), /4/);
  assert.match(await contentOf({ logit_bias: { [four]: 100 }, temperature: 0, max_tokens: 5 }), /^44444$/);
  const answer = await readError(await post({ logit_bias: { 999999: 1 } }));
  assertError(answer, { code: 'invalid_value', param: 'logit_bias' });
});

test('[CH14] keeps from repeating with a frequency penalty', async () => {
  const format = { structured_outputs: { regex: '[ab]{30}' } } as object;
  const count = (text: string) => Math.abs([...text].filter((letter) => letter === 'a').length - 15);
  const plain = await contentOf({ ...format, temperature: 0 });
  const penalized = await contentOf({ ...format, temperature: 0, frequency_penalty: 2 });
  assert.ok(count(penalized) < count(plain), `${plain} ${penalized}`);
});

test('[CH15] gives n choices, numbered, and counts the prompt once', async () => {
  const one = await client.chat.completions.create({ ...ASK, ...LOOSE, seed: 1 });
  const three = await client.chat.completions.create({ ...ASK, ...LOOSE, seed: 1, n: 3 });
  assert.deepEqual(
    three.choices.map(({ index }) => index),
    [0, 1, 2],
  );
  assert.equal(new Set(three.choices.map(({ message }) => message.content)).size, 3);
  assert.equal(three.choices[0]?.message.content, one.choices[0]?.message.content, 'the first is that of n: 1');
  assert.equal(three.usage?.prompt_tokens, one.usage?.prompt_tokens);
  assert.ok((three.usage?.completion_tokens ?? 0) > (one.usage?.completion_tokens ?? 0));
});

test('[CH15] streams n choices, each with a role and a finish reason', async () => {
  const runner = client.chat.completions.stream({ ...ASK, ...LOOSE, seed: 1, n: 2, stream: true });
  const { choices } = await runner.finalChatCompletion();
  const whole = await client.chat.completions.create({ ...ASK, ...LOOSE, seed: 1, n: 2 });
  assert.deepEqual(
    choices.map(({ message, finish_reason }) => [message.content, finish_reason]),
    whole.choices.map(({ message, finish_reason }) => [message.content, finish_reason]),
  );
});
