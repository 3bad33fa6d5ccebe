import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type OpenAI from 'openai';
import { LIMITS } from '../../shared/protocol/limits.ts';
import type { ChatInput } from '../../shared/protocol/messages.ts';
import { DEMO_CHAT, startDemoPool } from '../support/demo-pool.ts';
import { assertError, type ExpectedError, readError } from '../support/error-answers.ts';
import { postResponse, responseEvents, WEATHER } from '../support/responses.ts';
import { createScriptedRuntime } from '../support/runtimes/scripted-runtime.ts';

const pool = await startDemoPool();
after(() => pool.close());
const CALLED = 'maps__find';
const runtime = createScriptedRuntime({
  'test/agent': (_job, output) => {
    output.toolCall({ index: 0, name: CALLED, arguments: '{"a"', tokens: 4 });
    output.toolCall({ index: 0, arguments: ':1}', tokens: 2 });
    output.toolCall({ index: 1, name: 'find', arguments: '{}', tokens: 4 });
    return 'tool_calls';
  },
  'test/obedient': ({ input: { toolChoice } }, output) => {
    if (typeof toolChoice !== 'object') return 'stop';
    output.toolCall({ index: 0, name: toolChoice.name, arguments: '{}', tokens: 4 });
    return 'tool_calls';
  },
});
await pool.addNode({ name: 'scripted', runtime });
const client = pool.client();

const FIND = { type: 'function' as const, name: 'find', description: 'Finds a place' };
const ROUTE = { type: 'function' as const, name: 'route' };
const MAPS = { type: 'namespace' as const, name: 'maps', description: 'Places of this world', tools: [FIND, ROUTE] };
const TOOLS: OpenAI.Responses.Tool[] = [MAPS, { ...FIND, parameters: null, strict: false }];
const ASKED = { model: 'test/agent', tools: TOOLS };
const CALL = { type: 'function_call' as const, call_id: 'call_1', name: 'find', namespace: 'maps', arguments: '{}' };
const GIVEN = { type: 'function_call_output' as const, call_id: 'call_1', output: 'Oslo' };

function lastInput(): ChatInput {
  const asked = runtime.asked.at(-1);
  assert.ok(asked?.type === 'llm');
  return asked.input;
}

test('functions of a namespace are called by two names, whole and in events', async () => {
  const whole = await client.responses.create({ ...ASKED, input: 'Where?' });
  const last = (await responseEvents(pool, ASKED)).at(-1);
  assert.ok(last?.type === 'response.completed');
  for (const { output, tools } of [whole, last.response]) {
    assert.deepEqual(
      output.map((item) => item.type === 'function_call' && [item.namespace, item.name, item.arguments]),
      [
        ['maps', 'find', '{"a":1}'],
        [undefined, 'find', '{}'],
      ],
    );
    assert.deepEqual(tools, TOOLS);
  }
  const { tools } = lastInput();
  assert.deepEqual(
    tools?.map(({ name, description }) => [name, description]),
    [
      ['maps__find', 'Places of this world\n\nFinds a place'],
      ['maps__route', undefined],
      ['find', 'Finds a place'],
    ],
  );
});

test('a call of such a function comes back to the model by the name it gave, and may be asked for', async () => {
  const input = [{ role: 'user' as const, content: 'Where?' }, CALL, GIVEN];
  await client.responses.create({ ...ASKED, input });
  assert.deepEqual(
    lastInput().messages.map(({ toolCalls }) => toolCalls?.map(({ name }) => name)),
    [undefined, ['maps__find'], undefined],
  );
  for (const [choice, named] of [
    [{ type: 'function', name: 'find' }, 'find'],
    [{ type: 'function', name: 'find', namespace: 'maps' }, 'maps__find'],
    [{ type: 'function', name: 'route' }, 'maps__route'],
  ] as const) {
    const answer = await postResponse(pool, { ...ASKED, model: 'test/obedient', tool_choice: choice });
    assert.equal(answer.status, 200, named);
    assert.deepEqual(lastInput().toolChoice, { name: named });
  }
  const allowed = { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'route' }] };
  assert.equal((await postResponse(pool, { ...ASKED, model: 'test/obedient', tool_choice: allowed })).status, 200);
  assert.deepEqual(
    lastInput().tools?.map(({ name }) => name),
    ['maps__route'],
  );
});

test('names that are too long together are told as that of the function', async () => {
  const long = 'n'.repeat(60);
  await client.responses.create({ model: 'test/agent', input: 'x', tools: [{ ...MAPS, name: long }] });
  assert.deepEqual(
    lastInput().tools?.map(({ name }) => name),
    ['find', 'route'],
  );
});

test('what is wrong with a namespace is told with its place', async () => {
  const many = Array.from({ length: LIMITS.maxTools }, (_, at) => ({ ...FIND, name: `f${at}` }));
  const cases: [object[], ExpectedError][] = [
    [[{ ...MAPS, name: undefined }], { code: 'missing_required_parameter', param: 'tools.0.name' }],
    [[{ ...MAPS, tools: undefined }], { code: 'missing_required_parameter', param: 'tools.0.tools' }],
    [[MAPS, MAPS], { code: 'invalid_value', param: 'tools', message: /same name/ }],
    [[MAPS, { ...MAPS, name: 'a b' }], { code: 'invalid_value', param: 'tools.1.tools.0.name', message: /1 to 64/ }],
    [
      [{ ...MAPS, tools: [FIND, { type: 'function' }] }],
      { code: 'missing_required_parameter', param: 'tools.0.tools.1.name', message: /'tools\.0\.tools\.1\.name'/ },
    ],
    [[MAPS, { ...WEATHER, name: '?' }], { code: 'invalid_value', param: 'tools.1.name' }],
    [
      [MAPS, { type: 'web_search' }],
      { code: 'unsupported_parameter', param: 'tools.1.type', message: /"web_search".*Leave it out/ },
    ],
    [
      [{ ...MAPS, tools: [{ type: 'custom', name: 'x' }] }],
      { code: 'unsupported_parameter', param: 'tools.0.tools.0.type', message: /"custom"/ },
    ],
    [[{ ...MAPS, tools: [...many, FIND] }], { code: 'invalid_value', param: 'tools.0.tools' }],
    [[{ ...MAPS, tools: many }, FIND], { code: 'invalid_value', param: 'tools', message: /129 functions/ }],
  ];
  for (const [tools, told] of cases) {
    const refused = await readError(await postResponse(pool, { model: DEMO_CHAT, tools }));
    assertError(refused, told);
  }
});
