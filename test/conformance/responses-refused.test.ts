import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import OpenAI from 'openai';
import { startDemoPool } from '../support/demo-pool.ts';
import { assertError, type ExpectedError, readError } from '../support/error-answers.ts';
import { ANSWER_FORMAT, ASK, postResponse, WEATHER } from '../support/responses.ts';

const pool = await startDemoPool();
after(() => pool.close());
await pool.addNode();
const client = pool.client();

test('[RE5] refuses what would need a response that was kept, and tools of another kind, with what to do', async () => {
  const reference = { type: 'item_reference', id: 'msg_1' };
  const cases: [object, string, RegExp][] = [
    [{ previous_response_id: 'resp_1' }, 'previous_response_id', /Send the whole conversation as input/],
    [{ conversation: { id: 'conv_1' } }, 'conversation', /Send the whole conversation as input/],
    [{ prompt: { id: 'pmpt_1' } }, 'prompt', /as instructions/],
    [{ background: true }, 'background', /\/v1\/jobs/],
    [{ top_logprobs: 2 }, 'top_logprobs', /\/v1\/chat\/completions/],
    [{ include: ['message.output_text.logprobs'] }, 'include', /\/v1\/chat\/completions/],
    [{ tools: [WEATHER, { type: 'web_search' }] }, 'tools.1.type', /"web_search"/],
  ];
  for (const [part, param, message] of cases) {
    assertError(await readError(await postResponse(pool, part)), { code: 'unsupported_parameter', param, message });
  }
  const told = { code: 'unsupported_content', param: 'input.0', message: /store: false/ } as const;
  assertError(await readError(await postResponse(pool, { input: [reference] })), told);
  const nothing = { previous_response_id: null, conversation: null, background: false, top_logprobs: 0, include: [] };
  assert.equal((await postResponse(pool, nothing)).status, 200);
});

test('[X03] calls what is wrong by its name on this route', async () => {
  const role = 'user';
  const cases: [object, ExpectedError][] = [
    [{ input: [] }, { code: 'invalid_value', param: 'input' }],
    [{ input: [{ content: 'x' }] }, { code: 'missing_required_parameter', param: 'input.0.role' }],
    [{ input: [{ role, content: null }] }, { code: 'missing_required_parameter', param: 'input.0.content' }],
    [
      { instructions: 'x', input: [{ role: 'bot', content: 'x' }] },
      { code: 'invalid_value', param: 'input.0.role' },
    ],
    [
      { input: [{ role, content: [{ type: 'input_file', file_id: 'x' }] }] },
      { code: 'unsupported_content', param: 'input.0.content.0' },
    ],
    [
      { input: [{ role, content: [{ type: 'input_text' }] }] },
      { code: 'missing_required_parameter', param: 'input.0.content.0.text' },
    ],
    [
      { input: [{ role, content: [{ type: 'input_image', image_url: 'data:image/png;base64,AAAA' }] }] },
      { code: 'unsupported_content', param: 'input.0.content.0', message: /reads text only/ },
    ],
    [
      { input: [{ type: 'function_call', call_id: 'x' }] },
      { code: 'missing_required_parameter', param: 'input.0.name' },
    ],
    [
      {
        input: [
          { role, content: 'x' },
          { type: 'function_call_output', call_id: 'x', output: 'x' },
        ],
      },
      { code: 'invalid_value', param: 'input.1.call_id' },
    ],
    [
      {
        input: [
          { type: 'reasoning', id: 'rs_1', summary: [] },
          { role: 'bot', content: 'x' },
        ],
      },
      { code: 'invalid_value', param: 'input.1.role' },
    ],
    [
      {
        input: [
          { role, content: 'x' },
          { type: 'function_call', call_id: 'x', name: 'now', arguments: '{}' },
          {
            type: 'function_call_output',
            call_id: 'x',
            output: [{ type: 'input_image', image_url: 'data:image/png;base64,AAAA' }],
          },
        ],
      },
      { code: 'unsupported_content', param: 'input.2.output.0', message: /reads text only/ },
    ],
    [{ input: [{ type: 'computer_call' }] }, { code: 'unsupported_content', param: 'input.0' }],
    [
      { tools: [{ type: 'function' }] },
      { code: 'missing_required_parameter', param: 'tools.0.name', message: /'tools\.0\.name'/ },
    ],
    [{ tools: [{ ...WEATHER, name: 'a b' }] }, { code: 'invalid_value', param: 'tools.0.name' }],
    [
      { tools: [{ ...WEATHER, parameters: { type: 'object', not: {} } }] },
      { code: 'unsupported_parameter', param: 'tools.get_weather.parameters.not' },
    ],
    [
      { text: { format: { ...ANSWER_FORMAT, schema: null } } },
      { code: 'missing_required_parameter', param: 'text.format.schema', message: /'text\.format\.schema'/ },
    ],
    [
      { text: { format: { ...ANSWER_FORMAT, schema: { not: {} } } } },
      { param: 'text.format.schema.not', code: 'unsupported_parameter' },
    ],
    [
      { text: { format: ANSWER_FORMAT }, max_output_tokens: 1 },
      { code: 'invalid_value', param: 'max_output_tokens' },
    ],
    [{ text: { format: { type: 'xml' } } }, { code: 'unsupported_parameter', param: 'text.format.type' }],
    [
      {
        input: [
          { role, content: 'x' },
          { type: 'function_call', call_id: 'c', name: 'now', arguments: '{}' },
          { role: 'assistant', content: 'y' },
          { role: 'assistant', content: [{ type: 'output_text', text: 'z' }, { type: 'output_text' }] },
        ],
      },
      { code: 'missing_required_parameter', param: 'input.3.content.1.text' },
    ],
    [{ model: 'nope' }, { code: 'model_not_found', param: 'model' }],
  ];
  for (const [part, expected] of cases) assertError(await readError(await postResponse(pool, part)), expected);
});

test('[CH18] takes what has no effect here, and says so', async () => {
  const response = await postResponse(pool, {
    store: true,
    reasoning: { effort: 'low', summary: 'auto' },
    truncation: 'auto',
    metadata: { a: 'b' },
    include: ['reasoning.encrypted_content'],
    user: 'u',
    text: { verbosity: 'low' },
    tools: [{ ...WEATHER, strict: false, parameters: { type: 'object', not: {} } }],
  });
  assert.equal(
    response.headers.get('x-sparewatt-ignored-params'),
    'store, truncation, include, user, text.verbosity, reasoning.summary, tools.get_weather.parameters.not',
  );
  const { metadata, store } = (await response.json()) as OpenAI.Responses.Response & { store: boolean };
  assert.deepEqual([metadata, store], [{ a: 'b' }, false]);
});

test('[RE5] a count is refused as its response would be, in the words of responses', async () => {
  const count = (more: object): Promise<unknown> =>
    client.responses.inputTokens.count({ ...ASK, ...more }).catch((error) => error);
  for (const [more, code, param] of [
    [{ previous_response_id: 'resp_1' }, 'unsupported_parameter', 'previous_response_id'],
    [{ model: 'nope' }, 'model_not_found', 'model'],
    [{ input: 'word '.repeat(2_000) }, 'context_length_exceeded', 'input'],
  ] as const) {
    const error = await count(more);
    assert.ok(error instanceof OpenAI.APIError);
    assert.deepEqual([error.code, error.param], [code, param]);
  }
});
