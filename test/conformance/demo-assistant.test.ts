import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { ChatCompletionFunctionTool, ChatCompletionMessageParam } from 'openai/resources/chat/completions';
import { DEMO_CHAT, startDemoPool } from '../support/demo-pool.ts';

const pool = await startDemoPool();
after(() => pool.close());
const client = pool.client();

const WEATHER = tool('get_weather', { city: { type: 'string' } });
const MULTIPLY = tool('multiply', { a: { type: 'integer' }, b: { type: 'integer' } });

function tool(name: string, properties: Record<string, object>): ChatCompletionFunctionTool {
  const parameters = { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
  return { type: 'function', function: { name, description: 'Does what its name says.', parameters } };
}

const user = (content: string): ChatCompletionMessageParam => ({ role: 'user', content });
const system = (content: string): ChatCompletionMessageParam => ({ role: 'system', content });

async function ask(messages: ChatCompletionMessageParam[], tools?: ChatCompletionFunctionTool[]) {
  const { choices } = await client.chat.completions.create({
    model: DEMO_CHAT,
    messages,
    temperature: 0,
    ...(tools === undefined ? {} : { tools }),
  });
  const [choice] = choices;
  assert.ok(choice);
  const calls = (choice.message.tool_calls ?? []).map((call) => {
    assert.equal(call.type, 'function');
    return { name: call.function.name, arguments: JSON.parse(call.function.arguments) as unknown };
  });
  return { content: choice.message.content, calls, finish: choice.finish_reason };
}

test('[CH09] the demo model calls the tool that a question needs, with what was asked for as its arguments', async () => {
  const weather = await ask([user('What is the weather in Oslo?')], [WEATHER, MULTIPLY]);
  const call = { name: 'get_weather', arguments: { city: 'Oslo' } };
  assert.deepEqual(weather, { content: null, calls: [call], finish: 'tool_calls' });
  const product = await ask([user('What is 6 * 7?')], [WEATHER, MULTIPLY]);
  assert.deepEqual(product.calls, [{ name: 'multiply', arguments: { a: 6, b: 7 } }]);
});

test('[CH09] the demo model answers plainly what needs none of its tools', async () => {
  const plain = (content: string) => ({ content, calls: [], finish: 'stop' });
  assert.deepEqual(await ask([user('What is 17 + 25?')], [WEATHER]), plain('42'));
  assert.deepEqual(await ask([user('What is the capital of France?')], [WEATHER, MULTIPLY]), plain('Paris.'));
});

test("[CH09] the demo model reads back what a client's own function returned, whole and as a stream", async () => {
  for (const stream of [false, true] as const) {
    const asked: unknown[] = [];
    const run = {
      model: DEMO_CHAT,
      messages: [user('What is the weather in Oslo?')],
      temperature: 0,
      tools: [{ ...WEATHER, function: { ...WEATHER.function, parse: JSON.parse, function: look } }],
    };
    function look(wanted: unknown): string {
      asked.push(wanted);
      return 'rain';
    }
    const runner = stream
      ? client.chat.completions.runTools({ ...run, stream } as never)
      : client.chat.completions.runTools(run as never);
    assert.equal(await runner.finalContent(), 'The weather in Oslo is rain.');
    assert.deepEqual(asked, [{ city: 'Oslo' }]);
  }
});

test('[CH16] the demo model obeys a short system message', async () => {
  const answers: [rule: string, question: string, answer: string][] = [
    ['End every answer with over.', 'What is 17 + 25?', '42 over'],
    ['Answer in capitals.', 'What is the capital of France?', 'PARIS.'],
    ['Your name is Robo.', 'Who are you?', 'I am Robo.'],
  ];
  for (const [rule, question, answer] of answers) {
    assert.equal((await ask([system(rule), user(question)])).content, answer);
  }
});

test('[CH16] the demo model recalls what an earlier turn said', async () => {
  const messages = [user('My name is Ada.')];
  for (const question of ['What is 17 + 25?', 'What is my name?']) {
    messages.push({ role: 'assistant', content: (await ask(messages)).content }, user(question));
  }
  assert.equal((await ask(messages)).content, 'Your name is Ada.');
});

test('[CH11] the demo model puts its answer into JSON that is valid under a schema', async () => {
  const schema = { type: 'object', properties: { answer: { type: 'integer' } }, required: ['answer'] };
  const { choices } = await client.chat.completions.create({
    model: DEMO_CHAT,
    messages: [system('Answer in JSON.'), user('What is 17 + 25?')],
    temperature: 0,
    response_format: { type: 'json_schema', json_schema: { name: 'sum', schema } },
  });
  assert.deepEqual(JSON.parse(choices[0]?.message.content ?? ''), { answer: 42 });
});
