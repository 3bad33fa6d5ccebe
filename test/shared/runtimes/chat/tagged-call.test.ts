import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filesInFolder } from '../../../../main/headless/inference/folder-files.ts';
import { loadModel } from '../../../../shared/runtimes/transformers/engine.ts';
import { assembled } from '../../../support/call-pieces.ts';
import { chain, piece, writeBigramModel } from '../../../support/models/bigram-model.ts';
import { chatJob, collectOutput } from '../../../support/runtimes/runtime-fixtures.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const WEATHER = {
  name: 'get_weather',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' }, days: { type: 'integer' } },
    required: ['city'],
  },
};

test('a model that writes its calls between tags gives them as JSON, and its template has their values', async (t) => {
  const written = [
    '\n<function=',
    'get_weather>\n',
    '<parameter=city>\n',
    'Os"lo',
    '\n</parameter>\n',
    '</function>\n</tool_call>',
  ];
  const chatTemplate =
    "{% for m in messages %}{{ m['content'] }}{% for c in m['tool_calls'] or [] %}<tool_call>\n<function={{ c['function']['name'] }}>\n{% for key, value in c['function']['arguments']|items %}{{ key }}={{ value }}{% endfor %}{% endfor %}<turn>{% endfor %}<assistant>";
  const folder = await writeBigramModel(temporaryFolder(t), 'test/tags', {
    transitions: chain(['<tool_call>', ...written.map(piece)]),
    marks: ['<tool_call>'],
    chatTemplate,
  });
  const model = await loadModel(filesInFolder(folder), { dtype: 'fp32', device: 'cpu', threads: 1 });
  t.after(() => model.dispose());
  const ask = async (before: object[] = []) => {
    const output = collectOutput();
    const job = chatJob('any', 'Weather?', { tools: [WEATHER] });
    assert.ok(job.type === 'llm');
    const messages = [...job.input.messages, ...before] as typeof job.input.messages;
    const result = await model.run({ ...job, input: { ...job.input, messages } }, output, () => false);
    const { calls } = assembled(output.calls.map((call) => ({ type: 'call', ...call })));
    return { ...result, calls };
  };
  const first = await ask();
  assert.deepEqual(first.calls, [{ name: 'get_weather', arguments: '{"city": "Os\\"lo"}' }]);
  assert.equal(first.finishReason, 'tool_calls');
  for (const [text, shown] of [
    [first.calls[0]?.arguments, 'city=Os"lo'],
    ['{"city": "Os', 'arguments={"city": "Os'],
    ['[1]', 'arguments=[1]'],
    [' ', ''],
  ]) {
    const { usage } = await ask([
      { role: 'assistant', content: '', toolCalls: [{ id: 'c', name: 'get_weather', arguments: text }] },
      { role: 'tool', content: 'rain', toolCallId: 'c' },
    ]);
    // A mark is one token, and any other letter is.
    const told = `m\n<function=get_weather>\n${shown}trainT`;
    assert.equal(usage.inputTokens - first.usage.inputTokens, told.length, shown);
  }
});
