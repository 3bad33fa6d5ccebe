/** How much of a prompt a node still knew is told in each form in which clients ask for an answer. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import type OpenAI from 'openai';
import type { RouteExplanation } from '../../shared/api/routing.ts';
import type { Receipt } from '../../shared/receipts/receipt.ts';
import { endOfBatch, lineOf, makeBatch } from '../support/batches.ts';
import { DEMO_CHAT, startDemoPool } from '../support/demo-pool.ts';
import type { Pool } from '../support/pool.ts';
import { makeKey } from '../support/pool-admin.ts';
import { createScriptedRuntime, knowing } from '../support/runtimes/scripted-runtime.ts';

let pool: Pool;
let client: OpenAI;
before(async () => {
  pool = await startDemoPool();
  client = pool.client();
});
after(() => pool?.close());

/** Words that no other test has sent, so that nobody knows their beginning. */
const conversationOf = (name: string) => [
  { role: 'user' as const, content: `${name} and ${name} are ${name}: the capital of France?` },
];

test('[J20] [CH01] a chat that is asked again tells how many tokens of its prompt were known', async () => {
  const ask = { model: DEMO_CHAT, messages: conversationOf('Ada'), temperature: 0 };
  const first = await client.chat.completions.create(ask);
  assert.equal(first.usage?.prompt_tokens_details, undefined, 'nothing is known of a new conversation');
  const { data, response } = await client.chat.completions.create(ask).withResponse();
  const known = (data.usage?.prompt_tokens ?? 0) - 1;
  assert.deepEqual(data.usage, { ...first.usage, prompt_tokens_details: { cached_tokens: known } });
  assert.deepEqual(data.choices, first.choices);

  const events = await client.chat.completions.create({
    ...ask,
    stream: true,
    stream_options: { include_usage: true },
  });
  let told: OpenAI.CompletionUsage | null | undefined;
  for await (const { usage } of events) told = usage ?? told;
  assert.deepEqual(told, data.usage);

  const jobId = response.headers.get('x-sparewatt-job') ?? '';
  const receipt = (await (await pool.request(`/v1/jobs/${jobId}/receipt`)).json()) as Receipt;
  assert.equal(receipt.signatures.verdict, 'sound');
  const { prompt_tokens: inputTokens = 0, completion_tokens: outputTokens = 0 } = first.usage ?? {};
  assert.deepEqual(receipt.usage.reported, { inputTokens, outputTokens }, 'what is charged is all that was read');
});

test('[CH01] what one key has asked is not known of another', async () => {
  const ask = { model: DEMO_CHAT, messages: conversationOf('Bea'), temperature: 0 };
  await client.chat.completions.create(ask);
  const other = pool.client({ apiKey: await makeKey(pool, { name: 'other' }) });
  const { usage } = await other.chat.completions.create(ask);
  assert.equal(usage?.prompt_tokens_details, undefined);
});

test('[RE1] [CH01] a response tells it among its input tokens', async () => {
  const ask = { model: DEMO_CHAT, input: conversationOf('Cleo') };
  const first = await client.responses.create(ask);
  assert.deepEqual(first.usage?.input_tokens_details, { cached_tokens: 0 });
  const { usage } = await client.responses.create(ask);
  assert.deepEqual(usage, { ...first.usage, input_tokens_details: { cached_tokens: (usage?.input_tokens ?? 0) - 1 } });
});

test('[CH01] a message counts apart what was read anew, as its clients add it up', async () => {
  const { url: baseURL, apiKey } = pool.relay;
  const { messages } = new Anthropic({ baseURL, apiKey, authToken: null, maxRetries: 0 });
  const ask = { model: DEMO_CHAT, max_tokens: 32, messages: conversationOf('Dora') };
  const { usage: first } = await messages.create(ask);
  const { usage } = await messages.create(ask);
  assert.deepEqual([first.cache_read_input_tokens, usage.input_tokens], [0, 1]);
  assert.equal(usage.cache_read_input_tokens, first.input_tokens - 1);
  const streamed = await messages.stream(ask).finalMessage();
  assert.deepEqual(
    [streamed.usage.input_tokens, streamed.usage.cache_read_input_tokens],
    [1, usage.cache_read_input_tokens],
  );
});

test('[BA1] [CH01] a batch tells what its answers did', async () => {
  const ask = { model: DEMO_CHAT, messages: conversationOf('Eve') };
  const { usage: alone } = await client.chat.completions.create(ask);
  const lines = ['a', 'b'].map((id) => lineOf(id, ask));
  const { usage } = await endOfBatch(client, (await makeBatch(client, lines)).id);
  assert.equal(usage?.input_tokens_details.cached_tokens, 2 * ((alone?.prompt_tokens ?? 0) - 1));
});

test('how quickly a node reads is judged by what it read, not by what it knew, of which the operator is told', async () => {
  const model = 'test/knowing';
  const runtime = createScriptedRuntime({
    [model]: (_, output) => {
      output.text('Yes.', 1);
      return 'stop';
    },
  });
  await pool.addNode({ name: 'knowing', runtime: knowing(runtime, { inputTokens: 200, cachedTokens: 190 }) });
  const ask = (content: string) => ({ model, messages: [{ role: 'user' as const, content }] });
  for (let turn = 0; turn < 3; turn++) {
    for await (const _ of await client.chat.completions.create({ ...ask('x'), stream: true }));
  }
  const promptMs = async (characters: number): Promise<number> => {
    const explained = await pool.request('/v1/route/explain', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(ask('x'.repeat(characters))),
    });
    const { nodes } = (await explained.json()) as RouteExplanation;
    return nodes[0]?.score?.terms.find(({ name }) => name === 'prompt')?.ms ?? Number.NaN;
  };
  // Half of the time grows with the length: by a hundredfold of ten tokens, not by fivefold of two hundred.
  const times = (await promptMs(4_000)) / (await promptMs(40));
  const headers = { authorization: `Bearer ${pool.relay.adminToken}` };
  const text = await (await fetch(`${pool.relay.url}/metrics`, { headers })).text();
  assert.match(text, /^sparewatt_cached_prompt_tokens_total\{[^}]*"test\/knowing"[^}]*\} 570$/m);
  assert.ok(times > 40, `a prompt of 1,000 tokens takes ${times} times as long as one of ten`);
});
