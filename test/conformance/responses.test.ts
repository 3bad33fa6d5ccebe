import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { ResponseInput } from 'openai/resources/responses/responses';
import { DEMO_CHAT, startDemoPool } from '../support/demo-pool.ts';
import { ANSWER_FORMAT, ASK, WEATHER } from '../support/responses.ts';
import { createScriptedRuntime } from '../support/runtimes/scripted-runtime.ts';

const pool = await startDemoPool();
after(() => pool.close());
await pool.addNode();
const scripted = createScriptedRuntime({
  'test/now': (_job, output) => {
    output.toolCall({ index: 0, name: 'now', arguments: '{}', tokens: 4 });
    return 'tool_calls';
  },
  'test/caller': (_job, output) => {
    output.text('Let me ', 2);
    output.text('see. ', 1);
    output.toolCall({ index: 0, name: 'add', arguments: '', tokens: 4 });
    output.toolCall({ index: 0, arguments: '{"a":', tokens: 2 });
    output.toolCall({ index: 0, arguments: '1}', tokens: 2 });
    output.toolCall({ index: 1, name: 'now', arguments: '{}', tokens: 4 });
    return 'tool_calls';
  },
});
await pool.addNode({ name: 'scripted', runtime: scripted });
const client = pool.client();

test('[RE1] answers a text, with its usage and the headers of its job', async () => {
  const { data, response } = await client.responses.create(ASK).withResponse();
  assert.deepEqual(
    [data.object, data.status, data.output_text, data.model],
    ['response', 'completed', '42', DEMO_CHAT],
  );
  assert.deepEqual(data.output, [
    {
      id: data.output[0]?.id,
      type: 'message',
      status: 'completed',
      role: 'assistant',
      content: [{ type: 'output_text', text: '42', annotations: [], logprobs: [] }],
    },
  ]);
  assert.deepEqual(data.usage, {
    input_tokens: 13,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 2,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 15,
  });
  assert.equal(data.id, `resp_${response.headers.get('x-sparewatt-job')}`);
  const receipt = await pool.request(`/v1/receipts/${response.headers.get('x-sparewatt-receipt')}`);
  assert.equal(receipt.status, 200);
});

test('[RE1] reads instructions, messages in parts and what was answered before', async () => {
  const parts: ResponseInput = [
    {
      role: 'user',
      content: [
        { type: 'input_text', text: 'What is the capital' },
        { type: 'input_text', text: ' of France?' },
      ],
    },
  ];
  const shouted = await client.responses.create({ ...ASK, instructions: 'Answer in capitals.', input: parts });
  assert.equal(shouted.output_text, 'PARIS.');
  const first: ResponseInput = [{ role: 'user', content: 'My name is Ada.' }];
  const { output } = await client.responses.create({ ...ASK, input: first });
  const next: ResponseInput = [...first, ...(output as ResponseInput), { role: 'user', content: 'What is my name?' }];
  assert.equal((await client.responses.create({ ...ASK, input: next })).output_text, 'Your name is Ada.');
});

test('[RE1] calls a tool and reads what it gave, beside thoughts of a model elsewhere', async () => {
  const input: ResponseInput = [{ role: 'user', content: 'What is the weather in Oslo?' }];
  const { output } = await client.responses.create({ ...ASK, input, tools: [WEATHER] });
  const [call] = output;
  assert.ok(call?.type === 'function_call');
  assert.deepEqual([call.name, call.arguments, call.status], ['get_weather', '{"city":"Oslo"}', 'completed']);
  const told = { type: 'function_call_output' as const, call_id: call.call_id, output: 'rain' };
  const thought = { type: 'reasoning' as const, id: 'rs_1', summary: [] };
  const answer = await client.responses.create({ ...ASK, input: [...input, thought, call, told], tools: [WEATHER] });
  assert.equal(answer.output_text, 'The weather in Oslo is rain.');
});

test('[RE1] gives a node one message for what a model said and called in one turn', async () => {
  const call = (id: string) => ({ type: 'function_call' as const, call_id: id, name: 'now', arguments: '{}' });
  await client.responses.create({
    model: 'test/now',
    input: [
      { role: 'developer', content: 'Be kind.' },
      { role: 'user', content: 'x' },
      { role: 'assistant', content: 'Let me see.' },
      call('call_1'),
      { role: 'assistant', content: ' And there.' },
      call('call_2'),
      { type: 'function_call_output', call_id: 'call_1', output: [{ type: 'input_text', text: 'noon' }] },
    ],
    tool_choice: { type: 'function', name: 'now' },
    tools: [{ type: 'function', name: 'now', parameters: null, strict: false }],
    max_output_tokens: 9,
    temperature: 0.5,
    top_p: 0.9,
    parallel_tool_calls: false,
  });
  const asked = scripted.asked.at(-1);
  assert.ok(asked?.type === 'llm');
  assert.deepEqual(asked.input, {
    maxTokens: 9,
    messages: [
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'x' },
      {
        role: 'assistant',
        content: 'Let me see. And there.',
        toolCalls: ['call_1', 'call_2'].map((id) => ({ id, name: 'now', arguments: '{}' })),
      },
      { role: 'tool', content: 'noon', toolCallId: 'call_1' },
    ],
    parallelToolCalls: false,
    seed: null,
    stop: [],
    temperature: 0.5,
    toolChoice: { name: 'now' },
    tools: [{ name: 'now' }],
    topP: 0.9,
  });
});

test('[RE1] offers only the tools that are allowed', async () => {
  const tools = ['now', 'add'].map((name) => ({ ...WEATHER, name }));
  const allowed = { type: 'allowed_tools' as const, mode: 'auto' as const, tools: [{ type: 'function', name: 'add' }] };
  await client.responses.create({ model: 'test/caller', input: 'x', tools, tool_choice: allowed });
  const asked = scripted.asked.at(-1);
  assert.deepEqual(asked?.type === 'llm' && asked.input.tools?.map(({ name }) => name), ['add']);
});

test('[RE1] answers in the form that text.format names, whole and in events', async () => {
  const text = { format: ANSWER_FORMAT };
  assert.deepEqual((await client.responses.parse({ ...ASK, text })).output_parsed, { answer: 42 });
  const final = await client.responses.stream({ ...ASK, text }).finalResponse();
  assert.deepEqual(final.output_parsed, { answer: 42 });
});

test('[RE1] counts the tokens of an input as its response does, with its tools', async () => {
  const { tools, ...rest } = { ...ASK, tools: [WEATHER], instructions: 'Be kind.' };
  const counts: number[] = [];
  for (const prompt of [ASK, rest, { ...rest, tools }, { ...rest, tools, tool_choice: 'required' as const }]) {
    const { usage } = await client.responses.create({ ...prompt, max_output_tokens: 64 });
    const { data, response } = await client.responses.inputTokens.count(prompt).withResponse();
    assert.deepEqual(data, { object: 'response.input_tokens', input_tokens: usage?.input_tokens });
    assert.ok((await pool.request(`/v1/receipts/${response.headers.get('x-sparewatt-receipt')}`)).ok);
    counts.push(data.input_tokens);
  }
  const [bare = 0, instructed = 0, offered = 0] = counts;
  assert.ok(bare < instructed && instructed < offered, counts.join());
});
