/** Answers that end within their thoughts, or not at all, and what each form tells of thoughts and their tokens. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import type { FinishedJob } from '../../shared/api/jobs.ts';
import type { ServiceAnswer } from '../../shared/api/services.ts';
import type { RuntimeOutput } from '../../shared/runtimes/runtime.ts';
import { type Endpoint, endOfBatch, lineOf, makeBatch } from '../support/batches.ts';
import { startNetworkLine } from '../support/network/network-line.ts';
import { startPool } from '../support/pool.ts';
import { createScriptedRuntime, type Script, untilCancelled } from '../support/runtimes/scripted-runtime.ts';
import { until } from '../support/until.ts';

type Thoughtful = { reasoning_content: string; content: string };
const think = (output: RuntimeOutput, text: string): void => output.text(text, 2, { reasoning: true });
const SCRIPTS: Record<string, Script> = {
  'test/whole': (_job, output) => {
    think(output, 'Hm.');
    output.text('42', 1);
    return 'stop';
  },
  'test/cut': (_job, output) => {
    think(output, 'Let me see');
    return 'length';
  },
  'test/deep': async (_job, output, signal) => {
    output.text('Let me see', 2, { reasoning: true, inputTokens: 5 });
    return untilCancelled(signal);
  },
};
const pool = await startPool();
after(() => pool.close());
const line = await startNetworkLine(pool.relay.url);
after(() => line.close());
const runtime = createScriptedRuntime(SCRIPTS);
await pool.addNode({ runtime, relayUrl: line.url });
const client = pool.client();
const anthropic = new Anthropic({ baseURL: pool.relay.url, apiKey: pool.relay.apiKey, authToken: null, maxRetries: 0 });

const ask = (model: string) => ({ model, messages: [{ role: 'user' as const, content: 'x' }] });
const THINKING = { type: 'enabled' as const, budget_tokens: 1024 };

test('[CH12] an answer that ends within its thoughts has nothing else in it, in each of its forms', async () => {
  const { choices, usage } = await client.chat.completions.create(ask('test/cut'));
  const { reasoning_content: thought, content } = (choices[0]?.message ?? {}) as Partial<Thoughtful>;
  assert.deepEqual([thought, content, choices[0]?.finish_reason], ['Let me see', '', 'length']);
  assert.deepEqual([usage?.completion_tokens, usage?.completion_tokens_details], [2, { reasoning_tokens: 2 }]);
  const { output, status } = await client.responses.create({ model: 'test/cut', input: 'x' });
  assert.deepEqual([output.map(({ type }) => type), status], [['reasoning'], 'incomplete']);
  const message = { ...ask('test/cut'), thinking: THINKING, max_tokens: 9 };
  const whole = await anthropic.messages.create(message);
  const streamed = await anthropic.messages.stream(message).finalMessage();
  for (const { content: blocks, stop_reason } of [whole, streamed]) {
    assert.deepEqual(
      [blocks, stop_reason],
      [[{ type: 'thinking', thinking: 'Let me see', signature: '' }], 'max_tokens'],
    );
  }
});

test('[CH12] an answer that ended within its thoughts can be sent back as it came', async () => {
  const [question] = ask('test/whole').messages;
  const cut = await client.chat.completions.create(ask('test/cut'));
  const messages = [question, cut.choices[0]?.message, question] as OpenAI.ChatCompletionMessageParam[];
  const again = await client.chat.completions.create({ model: 'test/whole', messages });
  assert.equal(again.choices[0]?.message.content, '42');
  const { output } = await client.responses.create({ model: 'test/cut', input: 'x' });
  const turns = [question, ...output, question] as OpenAI.Responses.ResponseInput;
  assert.equal((await client.responses.create({ model: 'test/whole', input: turns })).output_text, '42');
  const asked = { thinking: THINKING, max_tokens: 9 };
  const { content } = await anthropic.messages.create({ ...ask('test/cut'), ...asked });
  const told = [question, { role: 'assistant', content }, question] as Anthropic.MessageParam[];
  const blocks = (await anthropic.messages.create({ model: 'test/whole', messages: told, ...asked })).content;
  assert.deepEqual(
    blocks.map(({ type }) => type),
    ['thinking', 'text'],
  );
  const read = runtime.asked.flatMap((job) => (job.type === 'llm' ? job.input.messages : []));
  assert.equal(read.filter(({ role, reasoning }) => role === 'assistant' && reasoning === 'Let me see').length, 2);
});

test('[CH12] a service that answers with a text tells what was thought, and how many tokens that took', async () => {
  const run = async (model: string) => {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ model, prompt: 'x' });
    const answer = await pool.request('/v1/services/llm/inference', { method: 'POST', headers, body });
    return (await answer.json()) as ServiceAnswer;
  };
  const { output, usage } = await run('test/whole');
  assert.deepEqual(output, { text: '42', reasoning: 'Hm.', finish_reason: 'stop' });
  assert.deepEqual(usage?.completion_tokens_details, { reasoning_tokens: 2 });
  assert.deepEqual((await run('test/cut')).output, { text: '', reasoning: 'Let me see', finish_reason: 'length' });
});

test('[BA1] a batch counts the tokens of thoughts in its lines', async () => {
  const bodies = { '/v1/chat/completions': ask('test/whole'), '/v1/responses': { model: 'test/whole', input: 'x' } };
  for (const [url, body] of Object.entries(bodies)) {
    const lines = ['a', 'b'].map((id) => lineOf(id, body, url));
    const { id } = await makeBatch(client, lines, { endpoint: url as Endpoint });
    const { usage } = await endOfBatch(client, id);
    assert.deepEqual(usage?.output_tokens_details, { reasoning_tokens: 4 }, url);
  }
});

test('[CH12] [X17] a client that hangs up within thoughts ends the job, and pays what was thought', async () => {
  const jobs: string[] = [];
  for await (const { id, choices } of await client.chat.completions.create({ ...ask('test/deep'), stream: true })) {
    jobs[0] = id.replace('chatcmpl-', '');
    if (((choices[0]?.delta ?? {}) as Partial<Thoughtful>).reasoning_content) break;
  }
  for await (const event of await client.responses.create({ model: 'test/deep', input: 'x', stream: true })) {
    if (event.type === 'response.created') jobs[1] = event.response.id.replace('resp_', '');
    if (event.type === 'response.reasoning_text.delta') break;
  }
  const message = { ...ask('test/deep'), thinking: THINKING, max_tokens: 9, stream: true as const };
  for await (const event of await anthropic.messages.create(message)) {
    if (event.type === 'message_start') jobs[2] = event.message.id.replace('msg_', '');
    if (event.type === 'content_block_delta') break;
  }
  for (const id of jobs) {
    let job: FinishedJob | undefined;
    await until(async () => {
      job = (await (await pool.request(`/v1/jobs/${id}`)).json()) as FinishedJob;
      return job.finishedAt != null;
    });
    assert.deepEqual([job?.state, job?.usage, job?.receipt], ['cancelled', { inputTokens: 5, outputTokens: 2 }, null]);
  }
});

test('[CH06] [CH12] a node that is torn away within thoughts ends the stream with an error, and nothing is taken back', async () => {
  const thoughts: string[] = [];
  const reading = async () => {
    for await (const { choices } of await client.chat.completions.create({ ...ask('test/deep'), stream: true })) {
      const { reasoning_content: thought } = (choices[0]?.delta ?? {}) as Partial<Thoughtful>;
      if (thought === undefined) continue;
      thoughts.push(thought);
      line.cut();
    }
  };
  await assert.rejects(reading(), (error) => error instanceof OpenAI.APIError && error.code === 'node_lost');
  assert.deepEqual(thoughts, ['Let me see']);
});
