import assert from 'node:assert/strict';
import type { ResponseStreamEvent } from 'openai/resources/responses/responses';
import { DEMO_CHAT } from './demo-pool.ts';
import type { Pool } from './pool.ts';

/** What is asked where a test does not ask something else. */
export const ASK = { model: DEMO_CHAT, input: 'What is 17 + 25?' };
export const WEATHER = {
  type: 'function' as const,
  name: 'get_weather',
  strict: true,
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
};
export const ANSWER_FORMAT = {
  type: 'json_schema' as const,
  name: 'sum',
  strict: true,
  schema: {
    type: 'object',
    properties: { answer: { type: 'integer' } },
    required: ['answer'],
    additionalProperties: false,
  },
};

export function postResponse(pool: Pool, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return pool.request('/v1/responses', { method: 'POST', headers, body: JSON.stringify({ ...ASK, ...body }) });
}

/** The events of a response, each with its name and its number. */
export async function responseEvents(pool: Pool, body: object): Promise<ResponseStreamEvent[]> {
  const text = await (await postResponse(pool, { ...body, stream: true })).text();
  const blocks = text.split('\n\n');
  assert.equal(blocks.pop(), '');
  const events = blocks.map((block) => {
    const [, name, data = ''] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
    const event = JSON.parse(data) as ResponseStreamEvent;
    assert.equal(event.type, name);
    return event;
  });
  assert.deepEqual(
    events.map((event) => event.sequence_number),
    events.map((_, at) => at),
  );
  return events;
}
