import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import OpenAI from 'openai';
import type { ChatCompletionCreateParamsNonStreaming } from 'openai/resources/chat/completions';
import type { ProblemCode } from '../../shared/problems/table.ts';
import { assertError, readError } from '../support/error-answers.ts';
import { startPool } from '../support/pool.ts';
import { type ChatJob, createScriptedRuntime } from '../support/runtimes/scripted-runtime.ts';

const pool = await startPool();
after(() => pool.close());
const node = await pool.addNode();
const scripted = createScriptedRuntime({
  'test/lengthy': (_job, output) => {
    output.text('cut off', 2);
    return 'length';
  },
  'test/silent': () => 'stop',
});
await pool.addNode({ name: 'scripted', runtime: scripted });

const client = pool.client();
const USER = { role: 'user' as const, content: 'x' };

/** Sends a request and returns it as the node's runtime was asked it. */
async function askedOfNode(part: Partial<ChatCompletionCreateParamsNonStreaming>): Promise<ChatJob['input']> {
  await client.chat.completions.create({ model: 'test/lengthy', messages: [USER], ...part });
  const job = scripted.asked.at(-1);
  assert.equal(job?.type, 'llm');
  return job.input;
}

function post(body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return pool.request('/v1/chat/completions', { method: 'POST', headers, body: JSON.stringify(body) });
}

test('[CH01] answers a conversation in the shape of OpenAI', async () => {
  const before = Math.floor(Date.now() / 1000);
  const { id, created, _request_id, ...rest } = await client.chat.completions.create({
    model: 'test/echo',
    messages: [
      { role: 'system', content: 'Repeat.' },
      { role: 'user', content: 'hello brave new world' },
    ],
  });
  assert.match(id, /^chatcmpl-job_\w{24}$/);
  assert.match(_request_id ?? '', /^req_/);
  assert.ok(Number.isInteger(created) && created >= before);
  assert.deepEqual(rest, {
    object: 'chat.completion',
    model: 'test/echo',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'hello brave new world', refusal: null },
        finish_reason: 'stop',
        logprobs: null,
      },
    ],
    usage: { prompt_tokens: 5, completion_tokens: 4, total_tokens: 9 },
  });
});

test('[CH01] says which node did which job, and where its receipt is', async () => {
  const response = await post({ model: 'test/noop', messages: [USER] });
  const { id } = (await response.json()) as OpenAI.ChatCompletion;
  const header = (name: string) => response.headers.get(`x-sparewatt-${name}`) ?? '';
  assert.equal(header('node'), node.nodeId);
  assert.equal(`chatcmpl-${header('job')}`, id);
  const receipt = (await (await pool.request(`/v1/jobs/${header('job')}/receipt`)).json()) as Record<string, unknown>;
  assert.deepEqual([receipt.id, receipt.job, receipt.node], [header('receipt'), header('job'), node.nodeId]);
});

test('[CH01] answers with an empty text when the model has nothing to say', async () => {
  const { choices, usage } = await client.chat.completions.create({ model: 'test/silent', messages: [USER] });
  assert.deepEqual([choices[0]?.message.content, usage?.completion_tokens], ['', 0]);
});

test('[CH13] reports the end by length', async () => {
  const { choices } = await client.chat.completions.create({ model: 'test/lengthy', messages: [USER], max_tokens: 2 });
  assert.deepEqual([choices[0]?.finish_reason, choices[0]?.message.content], ['length', 'cut off']);
});

test('[CH13] hands max_tokens on, and max_completion_tokens wins when both are sent', async () => {
  assert.equal((await askedOfNode({})).maxTokens, null);
  assert.equal((await askedOfNode({ max_tokens: 7 })).maxTokens, 7);
  assert.equal((await askedOfNode({ max_completion_tokens: 8 })).maxTokens, 8);
  assert.equal((await askedOfNode({ max_tokens: 7, max_completion_tokens: 8 })).maxTokens, 8);
  assert.equal((await askedOfNode({ max_tokens: 7, max_completion_tokens: null })).maxTokens, 7);
});

test('[CH14] hands stop, seed, temperature and top_p to the runtime unchanged', async () => {
  const none = await askedOfNode({});
  assert.deepEqual([none.temperature, none.topP, none.seed, none.stop], [null, null, null, []]);
  assert.deepEqual((await askedOfNode({ stop: '\n' })).stop, ['\n']);
  assert.deepEqual((await askedOfNode({ stop: ['a', 'b', 'é', '\u{1f600}'] })).stop, ['a', 'b', 'é', '\u{1f600}']);
  for (const temperature of [0, 0.1, 1, 2]) assert.equal((await askedOfNode({ temperature })).temperature, temperature);
  for (const top_p of [0, 0.05, 1]) assert.equal((await askedOfNode({ top_p })).topP, top_p);
  for (const seed of [0, -5, 42, Number.MAX_SAFE_INTEGER]) assert.equal((await askedOfNode({ seed })).seed, seed);
});

test('[CH14] hands the messages on in order, a developer as the system and text parts as one text', async () => {
  const { messages } = await askedOfNode({
    messages: [
      { role: 'developer', content: 'Be brief.' },
      {
        role: 'system',
        content: [
          { type: 'text', text: 'Be ' },
          { type: 'text', text: 'kind.' },
        ],
      },
      { role: 'user', content: 'héllo \u{1f600} \\ " \n\u0000' },
      { role: 'assistant', content: null },
      { role: 'user', content: [{ type: 'text', text: '' }] },
    ],
  });
  assert.deepEqual(messages, [
    { role: 'system', content: 'Be brief.' },
    { role: 'system', content: 'Be kind.' },
    { role: 'user', content: 'héllo \u{1f600} \\ " \n\u0000' },
    { role: 'assistant', content: '' },
    { role: 'user', content: '' },
  ]);
});

test('[CH14] hands penalties, biases and further sampling on, and leaves out what asks for nothing', async () => {
  const wishes = await askedOfNode({
    frequency_penalty: 0.5,
    presence_penalty: -0.5,
    logit_bias: { '12': -100, '7': 1.5 },
    ...{ top_k: 5, min_p: 0.1, repetition_penalty: 1.2 },
  });
  assert.deepEqual(
    [wishes.frequencyPenalty, wishes.presencePenalty, wishes.logitBias, wishes.topK, wishes.minP],
    [0.5, -0.5, { '7': 1.5, '12': -100 }, 5, 0.1],
  );
  assert.equal(wishes.repetitionPenalty, 1.2);
  assert.equal((await askedOfNode({ logprobs: true })).topLogprobs, 0);
  assert.equal((await askedOfNode({ logprobs: true, top_logprobs: 3 })).topLogprobs, 3);
  const members = Object.keys(
    await askedOfNode({ frequency_penalty: 0, n: 1, logit_bias: {}, tools: [], logprobs: false }),
  );
  assert.deepEqual(members.toSorted(), ['maxTokens', 'messages', 'seed', 'stop', 'temperature', 'topP']);
});

test('[CH14] refuses what it cannot honour instead of ignoring it', async () => {
  const refused: [string, unknown, advice?: RegExp][] = [
    ['functions', [{ name: 'f' }], /Use "tools" instead/],
    ['function_call', { name: 'f' }, /Use "tool_choice" instead/],
    ['modalities', ['text', 'audio']],
    ['audio', { voice: 'alloy', format: 'wav' }],
    ['prediction', { type: 'content', content: 'x' }],
    ['web_search_options', {}],
  ];
  const started = node.runtime.jobs.length;
  for (const [param, value, message = /Leave it out/] of refused) {
    const answer = await readError(await post({ model: 'test/noop', messages: [USER], [param]: value }));
    assertError(answer, { code: 'unsupported_parameter', param, message });
  }
  assert.equal(node.runtime.jobs.length, started);
});

test('[CH14] refuses values that make no sense, with the place', async () => {
  const wrong: [string, object][] = [
    ['logit_bias', { logit_bias: { word: 1 } }],
    ['logit_bias.5', { logit_bias: { '5': 101 } }],
    ['logit_bias', { logit_bias: Object.fromEntries(Array.from({ length: 1_025 }, (_, id) => [id, 1])) }],
    ['top_logprobs', { top_logprobs: 2 }],
    ['top_logprobs', { logprobs: true, top_logprobs: 21 }],
    ['frequency_penalty', { frequency_penalty: 3 }],
    ['repetition_penalty', { repetition_penalty: 0 }],
    ['n', { n: 17 }],
  ];
  for (const [param, part] of wrong) {
    const answer = await readError(await post({ model: 'test/noop', messages: [USER], ...part }));
    assertError(answer, { code: 'invalid_value', param });
  }
});

test('[CH14] takes the same parameters where they ask for nothing', async () => {
  const response = await post({
    model: 'test/noop',
    messages: [USER],
    logit_bias: {},
    logprobs: false,
    top_logprobs: 0,
    presence_penalty: 0,
    frequency_penalty: 0,
    n: 1,
    tools: [],
    tool_choice: 'auto',
    response_format: { type: 'text' },
    modalities: ['text'],
    stop: [],
  });
  assert.deepEqual([response.status, response.headers.get('x-sparewatt-ignored-params')], [200, null]);
});

test('[CH16] refuses content and roles that no model here can read', async () => {
  const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } };
  const cases: [string, object][] = [
    ['messages.0.content.1', { role: 'user', content: [{ type: 'text', text: 'See' }, image] }],
    ['messages.0.content.0', { role: 'user', content: [{ type: 'input_audio', input_audio: {} }] }],
    ['messages.0.role', { role: 'function', content: 'x', name: 'f' }],
  ];
  for (const [param, message] of cases) {
    const answer = await readError(await post({ model: 'test/noop', messages: [message] }));
    assertError(answer, { code: 'unsupported_content', param });
  }
});

test('[CH16] hands calls and their results on, and refuses a result without its call', async () => {
  const call = { id: 'c', type: 'function' as const, function: { name: 'f', arguments: '{"a":1}' } };
  const result = { role: 'tool' as const, content: '2', tool_call_id: 'c' };
  const { messages } = await askedOfNode({
    messages: [USER, { role: 'assistant', content: null, tool_calls: [call] }, result],
  });
  assert.deepEqual(messages.slice(1), [
    { role: 'assistant', content: '', toolCalls: [{ id: 'c', name: 'f', arguments: '{"a":1}' }] },
    { role: 'tool', content: '2', toolCallId: 'c' },
  ]);
  const cases: [ProblemCode, string, object][] = [
    ['invalid_value', 'messages.0.tool_call_id', result],
    ['missing_required_parameter', 'messages.0.tool_call_id', { role: 'tool', content: 'x' }],
    ['invalid_value', 'messages.0.tool_calls', { ...USER, tool_calls: [call] }],
    [
      'missing_required_parameter',
      'messages.0.tool_calls.0.id',
      { role: 'assistant', tool_calls: [{ ...call, id: undefined }] },
    ],
  ];
  for (const [code, param, message] of cases) {
    assertError(await readError(await post({ model: 'test/noop', messages: [message] })), { code, param });
  }
});

test('[CH17] answers 400 context_length_exceeded with the numbers, streamed or not', async () => {
  const messages = [{ role: 'user' as const, content: 'word '.repeat(4_999) }];
  for (const stream of [false, true]) {
    const asking = client.chat.completions.create({ model: 'test/echo', messages, stream });
    await assert.rejects(asking, (error: unknown) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.deepEqual([error.code, error.param], ['context_length_exceeded', 'messages']);
      assert.match(error.message, /5000 tokens .* 4096/);
      return true;
    });
  }
});

test('[CH18] takes what has no effect here, and reports it', async () => {
  const response = await post({
    model: 'test/noop',
    messages: [USER],
    user: 'u',
    metadata: { a: 'b' },
    store: true,
    service_tier: 'auto',
    prompt_cache_key: 'k',
    safety_identifier: 's',
    verbosity: 'low',
    'x\r\ninjected: y': 1,
  });
  assert.equal(response.status, 200);
  assert.equal(
    response.headers.get('x-sparewatt-ignored-params'),
    'user, metadata, store, service_tier, prompt_cache_key, safety_identifier, verbosity',
  );
  assert.equal(response.headers.get('injected'), null);
});
