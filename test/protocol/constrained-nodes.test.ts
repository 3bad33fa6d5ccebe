import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { RouteExplanation } from '../../shared/api/routing.ts';
import type { ErrorBody } from '../../shared/problems/http.ts';
import type { ServedModel } from '../../shared/protocol/capabilities.ts';
import { pretendedModel } from '../support/models/pretended-model.ts';
import { startPool } from '../support/pool.ts';
import { createScriptedRuntime } from '../support/runtimes/scripted-runtime.ts';

const pool = await startPool();
after(() => pool.close());

const MODEL = 'test/talker';
const { constrained: _, ...FREE } = pretendedModel(MODEL);

/** A node that serves the model and answers every chat with this text. */
function nodeOf(name: string, model: ServedModel, text: string) {
  const runtime = createScriptedRuntime({
    [MODEL]: (_input, output) => {
      output.text(text, 1);
      return 'stop';
    },
  });
  return pool.addNode({ name, runtime: { ...runtime, models: () => [model] } });
}

async function ask(more: object): Promise<{ status: number; node: string | null; body: unknown }> {
  const body = JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'x' }], ...more });
  const headers = { 'content-type': 'application/json' };
  const response = await pool.request('/v1/chat/completions', { method: 'POST', headers, body });
  return { status: response.status, node: response.headers.get('x-sparewatt-node'), body: await response.json() };
}

const errorOf = ({ status, body }: Awaited<ReturnType<typeof ask>>) => {
  const { error } = body as ErrorBody;
  return { status, code: error.code, message: error.message };
};
const schemaOf = (schema: object) => ({ response_format: { type: 'json_schema', json_schema: { name: 'a', schema } } });
const SMALL = {
  type: 'object',
  properties: { n: { $ref: '#/$defs/small' }, day: { type: 'string', maxLength: 3 } },
  required: ['n'],
  additionalProperties: false,
  $defs: { small: { type: 'integer', maximum: 9 } },
};
const NOW = { routing: { max_wait_ms: 0 } };

describe('a pool in which one node cannot hold answers to a format', () => {
  test('[S14] no job that asks for one goes there, and the refusal says why', async () => {
    const free = await nodeOf('free', FREE, '{"n":1}');
    assert.equal((await free.agent.capabilities()).capabilities.constrained, false);
    assert.equal((await ask({})).status, 200);
    const held = [
      schemaOf(SMALL),
      { response_format: { type: 'json_object' } },
      { structured_outputs: { choice: ['a', 'b'] } },
      { tools: [{ type: 'function', function: { name: 'f' } }], tool_choice: 'required' },
    ];
    for (const wish of held) {
      const { status, code, message } = errorOf(await ask({ ...wish, ...NOW }));
      assert.deepEqual([status, code], [503, 'no_capacity'], JSON.stringify(wish));
      assert.match(message, /hold its answer to a format/);
    }
    assert.equal((await ask({ tools: [{ type: 'function', function: { name: 'f' } }] })).status, 200);
  });

  test('[S14] another node that can gets them all, and nothing that has not the form is passed on', async () => {
    const able = await nodeOf('able', { ...FREE, constrained: true }, '{"n":7,"day":"not a day"}');
    assert.equal((await able.agent.capabilities()).capabilities.constrained, true);
    for (let turn = 0; turn < 4; turn += 1) assert.equal((await ask(schemaOf(SMALL))).node, able.nodeId);
    // The node says that it holds answers, and does not.
    const tooLarge = errorOf(await ask(schemaOf({ ...SMALL, $defs: { small: { type: 'integer', maximum: 5 } } })));
    assert.deepEqual([tooLarge.status, tooLarge.code], [502, 'node_fault']);
    assert.match(tooLarge.message, /does not have the form/);
    assert.equal(errorOf(await ask({ structured_outputs: { choice: ['a', 'b'] } })).code, 'node_fault');
    assert.equal((await ask({ response_format: { type: 'json_object' } })).status, 200);
  });

  test('a route explained says of the other node that it cannot', async () => {
    const body = { model: MODEL, messages: [{ role: 'user', content: 'x' }], ...schemaOf(SMALL) };
    const headers = { 'content-type': 'application/json' };
    const response = await pool.request('/v1/route/explain', { method: 'POST', headers, body: JSON.stringify(body) });
    const explained = (await response.json()) as RouteExplanation;
    assert.match(JSON.stringify(explained), /not_constrained/);
  });
});
