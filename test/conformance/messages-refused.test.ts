import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { readMessagesRequest } from '../../relay/routes/anthropic/messages-request.ts';
import type { MessagesRequest } from '../../shared/api/messages.ts';
import {
  ANSWER_SCHEMA,
  ASK,
  assertRefused,
  SUM,
  startAnthropicPool,
  USER,
  WEATHER,
} from '../support/anthropic-pool.ts';
import { DEMO_CHAT } from '../support/demo-pool.ts';
import { askAsAdmin } from '../support/pool-admin.ts';
import { createScriptedRuntime } from '../support/runtimes/scripted-runtime.ts';

const pool = await startAnthropicPool();
after(() => pool.close());
const { post } = pool;
const client = pool.newClient();

test('[ME5] refuses what no model here does, with what to do', async () => {
  const cases: [object, string, RegExp][] = [
    [{ thinking: { type: 'toString' } }, 'thinking', /Leave thinking out/],
    [{ mcp_servers: [{ type: 'url', name: 'x', url: 'https://x.example' }] }, 'mcp_servers', /as tools/],
    [{ container: 'x' }, 'container', /Leave it out/],
    [{ compaction: { type: 'summary' } }, 'compaction', /Ask for a summary/],
    [{ output_format: { type: 'json_schema', schema: {} } }, 'output_format', /output_config\.format/],
    [
      { tools: [WEATHER, { type: 'web_search_20250305', name: 'web_search' }] },
      'tools.1.type',
      /"web_search_20250305"/,
    ],
    [{ output_config: { format: { type: 'xml' } } }, 'output_config.format.type', /json_schema/],
  ];
  for (const path of ['/v1/messages', '/v1/messages/count_tokens']) {
    for (const [part, param, message] of cases) {
      await assertRefused(await post(part, path), { code: 'unsupported_parameter', param, message });
    }
  }
  const nothing = { thinking: { type: 'disabled' }, mcp_servers: [], container: null, output_format: null };
  const response = await post(nothing);
  assert.deepEqual([response.status, response.headers.get('x-sparewatt-ignored-params')], [200, null]);
});

test('[ME5] keeps no thread, without which the official runner of tools goes on to the end', async () => {
  for (const path of ['/v1/messages', '/v1/messages/count_tokens']) {
    await assertRefused(await post({ thread: { type: 'create' } }, path), {
      code: 'thread_unsupported_request',
      param: 'thread',
      message: /Send all of the messages/,
    });
  }
  const given: unknown[] = [];
  const run = (input: unknown): string => {
    given.push(input);
    return 'rain';
  };
  const { content } = await client.beta.messages.toolRunner({
    ...ASK,
    messages: [{ role: 'user', content: 'What is the weather in Oslo?' }],
    tools: [{ ...WEATHER, type: 'custom', run, parse: (input) => input }],
  });
  assert.deepEqual(given, [{ city: 'Oslo' }]);
  assert.equal(content[0]?.type === 'text' && content[0].text, 'The weather in Oslo is rain.');
});

const CALL = { type: 'tool_use', id: 'toolu_1', name: 'now', input: {} };
const PICTURE = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } };
const said = (...content: object[]) => ({ messages: [{ role: 'user', content }] });

test('[X03] calls what is wrong by its name on these routes', async () => {
  const cases: [object, Parameters<typeof assertRefused>[1]][] = [
    [{ max_tokens: undefined }, { code: 'missing_required_parameter', param: 'max_tokens' }],
    [{ max_tokens: 0 }, { code: 'invalid_value', param: 'max_tokens' }],
    [{ messages: [] }, { code: 'invalid_value', param: 'messages' }],
    [{ messages: [{ role: 'bot', content: 'x' }] }, { code: 'invalid_value', param: 'messages.0.role' }],
    [{ messages: [{ role: 'user' }] }, { code: 'missing_required_parameter', param: 'messages.0.content' }],
    [{ stop_sequences: ['a', 'b', 'c', 'd', 'e'] }, { code: 'invalid_value', param: 'stop_sequences' }],
    [
      { messages: [USER, { role: 'assistant', content: 'y' }] },
      { code: 'invalid_value', param: 'messages.1.role', message: /last message/ },
    ],
    [said({ type: 'text' }), { code: 'missing_required_parameter', param: 'messages.0.content.0.text' }],
    [said({ type: 'document' }), { code: 'unsupported_content', param: 'messages.0.content.0', message: /"document"/ }],
    [said(CALL), { code: 'invalid_value', param: 'messages.0.content.0.type', message: /"assistant"/ }],
    [said({ type: 'tool_result' }), { code: 'missing_required_parameter', param: 'messages.0.content.0.tool_use_id' }],
    [
      { system: 'x', ...said({ type: 'text', text: 'x' }, { type: 'tool_result', tool_use_id: 'toolu_9' }) },
      { code: 'invalid_value', param: 'messages.0.content.1.tool_use_id' },
    ],
    [
      { messages: [USER, { role: 'assistant', content: [{ ...CALL, input: undefined }] }, USER] },
      { code: 'missing_required_parameter', param: 'messages.1.content.0.input' },
    ],
    [
      { messages: [USER, { role: 'assistant', content: [{ ...CALL, input: [1] }] }, USER] },
      { code: 'invalid_value', param: 'messages.1.content.0.input' },
    ],
    [
      { messages: [USER, { role: 'assistant', content: [PICTURE] }, USER] },
      { code: 'unsupported_content', param: 'messages.1.content.0', message: /Only a user or a tool/ },
    ],
    [
      {
        messages: [
          USER,
          { role: 'assistant', content: [CALL] },
          {
            role: 'user',
            content: [{ type: 'tool_result', tool_use_id: 'toolu_1', is_error: true, content: [PICTURE] }],
          },
        ],
      },
      { code: 'unsupported_content', param: 'messages.2.content.0.content.0', message: /reads text only/ },
    ],
    [
      said({ type: 'thinking', thinking: '' }, { type: 'text', text: 'x' }, PICTURE),
      { code: 'unsupported_content', param: 'messages.0.content.2', message: /reads text only/ },
    ],
    [
      said({ type: 'search_result', source: 'https://x.example', title: 'x', content: [{ type: 'text', text: 'x' }] }),
      { code: 'unsupported_content', param: 'messages.0.content.0', message: /"search_result"/ },
    ],
    [
      said({ type: 'image', source: 'https://x.example/a.png' }),
      { code: 'unsupported_content', param: 'messages.0.content.0.source' },
    ],
    [said({ type: 'image' }), { code: 'missing_required_parameter', param: 'messages.0.content.0.source' }],
    [
      said({ type: 'image', source: { type: 'file', file_id: 'x' } }),
      { code: 'unsupported_content', param: 'messages.0.content.0.source' },
    ],
    [
      { tools: [{ description: 'x' }] },
      { code: 'missing_required_parameter', param: 'tools.0.name', message: /'tools\.0\.name'/ },
    ],
    [{ tools: [{ ...WEATHER, name: 'a b' }] }, { code: 'invalid_value', param: 'tools.0.name' }],
    [
      { tools: [{ ...WEATHER, strict: true, input_schema: { type: 'object', not: {} } }] },
      { code: 'unsupported_parameter', param: 'tools.get_weather.input_schema.not' },
    ],
    [
      { tools: [WEATHER], tool_choice: { type: 'some' } },
      { code: 'invalid_value', param: 'tool_choice.type' },
    ],
    [
      { tools: [WEATHER], tool_choice: { type: 'tool', name: 'x' } },
      { code: 'invalid_value', param: 'tool_choice' },
    ],
    [
      { tools: [WEATHER], tool_choice: { type: 'any' }, stop_sequences: ['x'] },
      { code: 'invalid_value', param: 'stop_sequences', message: /Leave stop_sequences out/ },
    ],
    [
      { output_config: { format: { type: 'json_schema', schema: { not: {} } } } },
      { code: 'unsupported_parameter', param: 'output_config.format.schema.not' },
    ],
    [
      { output_config: { format: { type: 'json_schema', schema: ANSWER_SCHEMA } }, max_tokens: 1 },
      { code: 'invalid_value', param: 'max_tokens', message: /max_tokens is 1/ },
    ],
    [{ model: 'nope' }, { code: 'model_not_found', type: 'not_found_error', param: 'model' }],
  ];
  for (const [part, expected] of cases) await assertRefused(await post(part), expected);
});

test('[CH18] takes what has no effect here, and says so', async () => {
  const cache_control = { type: 'ephemeral' };
  const response = await post({
    thinking: { type: 'adaptive', budget_tokens: 1024 },
    service_tier: 'auto',
    metadata: { user_id: 'u' },
    output_config: { effort: 'low' },
    context_management: { edits: [] },
    messages: [{ role: 'user', content: [{ type: 'text', text: 'x', cache_control }] }],
    tools: [{ ...WEATHER, input_schema: { type: 'object', not: {} } }],
  });
  assert.equal(
    response.headers.get('x-sparewatt-ignored-params'),
    'service_tier, metadata, context_management, thinking.budget_tokens, cache_control, tools.get_weather.input_schema.not',
  );
});

test('[CH18] says that marks for a cache have no effect, wherever they stand', async () => {
  const cache_control = { type: 'ephemeral' };
  const marked: object[] = [
    { cache_control },
    { system: [{ type: 'text', text: 'x', cache_control }] },
    { tools: [{ ...WEATHER, cache_control }] },
  ];
  for (const part of marked) {
    const response = await post({ model: 'test/silent', ...part });
    assert.equal(response.headers.get('x-sparewatt-ignored-params'), 'cache_control', JSON.stringify(part));
  }
});

test('[CH18] takes who a conversation is of for a hint of where it was read', () => {
  assert.equal(readMessagesRequest({ ...ASK, metadata: { user_id: 'u' } } as MessagesRequest).chat.user, 'u');
});

test('[ME6] lets the official client in by either header, and tells it in its own form who may not come in', async () => {
  for (const options of [{ apiKey: null, authToken: pool.relay.apiKey }, {}]) {
    assert.equal((await pool.newClient(options).messages.create(ASK)).stop_reason, 'end_turn');
  }
  const byHeader = { 'x-api-key': pool.relay.apiKey, 'anthropic-version': '2023-06-01' };
  const send = (headers: Record<string, string>, body = JSON.stringify(ASK)): Promise<Response> =>
    fetch(`${pool.relay.url}/v1/messages?beta=true`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
  assert.equal((await send(byHeader)).status, 200);
  const unknown = { code: 'invalid_api_key', type: 'authentication_error' } as const;
  await assertRefused(await send({}), unknown);
  await assertRefused(await send({ 'x-api-key': 'sk-none' }), unknown);
  await assertRefused(await send(byHeader, '{'), { code: 'invalid_json', type: 'invalid_request_error' });
  const huge = JSON.stringify({ ...ASK, system: 'x'.repeat(9_000_000) });
  await assertRefused(await send(byHeader, huge), { code: 'body_too_large', type: 'request_too_large' });
  const error = await pool
    .newClient({ apiKey: 'sk-none' })
    .messages.create(ASK)
    .catch((thrown: unknown) => thrown);
  assert.ok(error instanceof Anthropic.AuthenticationError);
  assert.deepEqual([error.errorCode, typeof error.requestID], ['invalid_api_key', 'string']);
});

type Made = { key: string };

test('[ME6] tells a key of its limits, rights and models, and the official client when to come back', async () => {
  const make = async (wishes: object): Promise<Anthropic> => {
    const { body } = await askAsAdmin<Made>(pool, '/v1/admin/keys', { name: 'x', ...wishes });
    return pool.newClient({ apiKey: body.key });
  };
  const limited = await make({ requests_per_minute: 1 });
  const { headers } = await limited.messages.create(ASK).asResponse();
  const leftOf = (told: Headers): unknown =>
    ['limit', 'remaining'].map((what) => told.get(`anthropic-ratelimit-requests-${what}`));
  assert.deepEqual([leftOf(headers), headers.get('ratelimit-policy')], [['1', '0'], '"requests";q=1;w=60']);
  const resetMs = Date.parse(headers.get('anthropic-ratelimit-requests-reset') ?? '') - Date.now();
  assert.ok(resetMs > 0 && resetMs <= 60_000, `${resetMs}`);
  const limit = await limited.messages.countTokens({ model: DEMO_CHAT, messages: SUM }).catch((thrown) => thrown);
  assert.ok(limit instanceof Anthropic.RateLimitError);
  assert.deepEqual([limit.type, limit.errorCode], ['rate_limit_error', 'rate_limit_exceeded']);
  assert.deepEqual(leftOf(limit.headers as Headers), ['1', '0']);
  const seconds = Number(limit.headers?.get('retry-after'));
  assert.ok(seconds > 0 && seconds <= 60);
  const others = await make({ models: ['test/noop'] });
  const refused = await others.messages.create(ASK).catch((thrown: unknown) => thrown);
  assert.ok(refused instanceof Anthropic.PermissionDeniedError);
  const unscoped = await make({ scopes: ['catalog'] });
  const forbidden = await unscoped.messages.create(ASK).catch((thrown: unknown) => thrown);
  assert.ok(forbidden instanceof Anthropic.PermissionDeniedError);
  assert.deepEqual([forbidden.type, forbidden.errorCode], ['permission_error', 'insufficient_scope']);
});

test('[AN2] [ME6] says that nobody serves the model now as an overload, which the official client tries again', async () => {
  const node = await pool.addNode({ name: 'leaving', runtime: createScriptedRuntime({ 'test/gone': () => 'stop' }) });
  await node.agent.close();
  const asked = { ...ASK, model: 'test/gone', routing: { max_wait_ms: 1 } };
  const tries: string[] = [];
  const patient = pool.newClient({
    maxRetries: 1,
    fetch: (url, init) => {
      tries.push(new Headers(init?.headers).get('x-stainless-retry-count') ?? '');
      return fetch(url, init);
    },
  });
  const error = await patient.messages.create(asked).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof Anthropic.ServiceUnavailableError);
  assert.deepEqual([error.type, error.errorCode, tries], ['overloaded_error', 'no_capacity', ['0', '1']]);
});

test('[AN1] [ME6] lists the models to the official client', async () => {
  const ids: string[] = [];
  const listed = client.models.list();
  for await (const { id } of listed) ids.push(id);
  assert.ok(ids.includes(DEMO_CHAT));
  const { data, has_more: hasMore, first_id: first, last_id: last } = await listed;
  assert.deepEqual([hasMore, first, last], [false, ids[0], ids.at(-1)]);
  const model = await client.models.retrieve(DEMO_CHAT);
  assert.deepEqual(
    model,
    data.find(({ id }) => id === DEMO_CHAT),
  );
  const { created_at: created, ...told } = model;
  assert.ok(Math.abs(Date.parse(created) - Date.now()) < 600_000, created);
  assert.deepEqual(told, {
    type: 'model',
    id: DEMO_CHAT,
    display_name: DEMO_CHAT,
    max_input_tokens: 512,
    max_tokens: 512,
    capabilities: null,
  });
});
