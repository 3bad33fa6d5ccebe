import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import type { ChatInput } from '../../shared/protocol/messages.ts';
import { DEMO_CHAT, startDemoPool } from './demo-pool.ts';
import { assertAnthropicError, readError } from './error-answers.ts';
import type { Pool } from './pool.ts';
import { createScriptedRuntime, type Script } from './runtimes/scripted-runtime.ts';

/** A pool as Anthropic's clients meet it: with the demo model, and with models that do as is written here. */
export type AnthropicPool = Pool & {
  /** The official client, without its own retries. */
  newClient(options?: ConstructorParameters<typeof Anthropic>[0]): Anthropic;
  post(body: object, path?: string): Promise<Response>;
  /** What a scripted model was asked last. */
  lastInput(): ChatInput;
};

export const SUM: Anthropic.MessageParam[] = [{ role: 'user', content: 'What is 17 + 25?' }];
export const ASK = { model: DEMO_CHAT, max_tokens: 64, messages: SUM };
export const WEATHER = {
  name: 'get_weather',
  description: 'The weather of a city',
  input_schema: {
    type: 'object' as const,
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
};
export const TOOLS = ['add', 'now'].map((name) => ({ name, input_schema: { type: 'object' as const } }));
export const ANSWER_SCHEMA = {
  type: 'object',
  properties: { answer: { type: 'integer' } },
  required: ['answer'],
  additionalProperties: false,
};

export const USER = { role: 'user', content: 'x' };

const SCRIPTS: Record<string, Script> = {
  'test/silent': () => 'stop',
  'test/now': (_job, output) => {
    output.toolCall({ index: 0, name: 'now', arguments: '{}', tokens: 4 });
    return 'tool_calls';
  },
  'test/by-turns': (_job, output) => {
    output.text('', 1);
    output.text('Before. ', 1);
    output.toolCall({ index: 0, name: 'add', arguments: '{"a"', tokens: 4 });
    output.toolCall({ index: 0, arguments: ':1}', tokens: 4 });
    output.text('Between. ', 1);
    // A blank, as some models give to a tool that takes nothing.
    output.toolCall({ index: 1, name: 'now', arguments: ' ', tokens: 4 });
    output.text('', 1);
    output.toolCall({ index: 2, name: 'add', arguments: ' {"a":2}', tokens: 4 });
    output.text('After.', 1);
    output.text('', 1);
    return 'tool_calls';
  },
  'test/long': (_job, output) => {
    output.text('begun', 1);
    output.toolCall({ index: 0, name: 'add', arguments: '{"a":', tokens: 4 });
    return 'length';
  },
  'test/broken-call': (_job, output) => {
    output.toolCall({ index: 0, name: 'add', arguments: '[1]', tokens: 4 });
    return 'tool_calls';
  },
  'test/caller': (_job, output) => {
    output.text('Let me ', 2);
    output.text('see. ', 1);
    output.toolCall({ index: 0, name: 'add', arguments: '', tokens: 4 });
    output.toolCall({ index: 0, arguments: '{"a":', tokens: 2 });
    output.toolCall({ index: 0, arguments: '1}', tokens: 2 });
    output.toolCall({ index: 1, name: 'now', arguments: '', tokens: 4 });
    return 'tool_calls';
  },
};

export async function startAnthropicPool(): Promise<AnthropicPool> {
  const pool = await startDemoPool();
  await pool.addNode();
  const scripted = createScriptedRuntime(SCRIPTS);
  await pool.addNode({ name: 'scripted', runtime: scripted });
  const uncounted = createScriptedRuntime({ 'test/uncounted': () => 'stop' });
  const told = { usage: { inputTokens: 0, outputTokens: 0 }, stopSequence: 'unasked' };
  const run: typeof uncounted.run = async (...asked) => ({ ...(await uncounted.run(...asked)), ...told });
  await pool.addNode({ name: 'uncounted', runtime: { ...uncounted, run } });
  const { url: baseURL, apiKey } = pool.relay;
  return {
    ...pool,
    newClient: (options = {}) => new Anthropic({ baseURL, apiKey, authToken: null, maxRetries: 0, ...options }),
    post: (body, path = '/v1/messages') => {
      const headers = { 'content-type': 'application/json' };
      return pool.request(path, { method: 'POST', headers, body: JSON.stringify({ ...ASK, ...body }) });
    },
    lastInput: () => {
      const asked = scripted.asked.at(-1);
      assert.ok(asked?.type === 'llm');
      return asked.input;
    },
  };
}

export async function assertRefused(
  response: Response,
  expected: Parameters<typeof assertAnthropicError>[1],
): Promise<void> {
  assertAnthropicError(await readError(response), expected);
}
