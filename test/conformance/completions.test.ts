/** OpenAI's older route, by its own client, and what is asked of a node by it. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { TokenLogprob } from '../../shared/protocol/messages.ts';
import { startPool } from '../support/pool.ts';
import { type ChatJob, createScriptedRuntime } from '../support/scripted-runtime.ts';

const TOKENS = [' one', ' 漢', ' two'];
const probability = (token: string): TokenLogprob => {
  const said = { token, logprob: -0.5, bytes: [...Buffer.from(token)] };
  return { ...said, top: [said, { ...said, token: ' other', logprob: -1 }] };
};

const pool = await startPool();
after(() => pool.close());
const runtime = createScriptedRuntime({
  'test/counts': ({ input }, output) => {
    for (let choice = 0; choice < (input.choices ?? 1); choice++) {
      for (const token of TOKENS) {
        const logprobs = input.topLogprobs === undefined ? [] : [probability(token)];
        output.text(token, 1, { choice, logprobs });
      }
    }
    return 'length';
  },
  'test/breaks': () => {
    throw new Error('it broke');
  },
});
await pool.addNode({ name: 'counts', runtime });
const client = pool.client();
const ask = { model: 'test/counts', prompt: 'zero' };

function post(body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return pool.request('/v1/completions', { method: 'POST', headers, body: JSON.stringify(body) });
}

test('continues a text, which reaches the node as it stands', async () => {
  const { data, response } = await client.completions.create({ ...ask, stop: '\n', seed: 7 }).withResponse();
  assert.equal(data.id, `cmpl-${response.headers.get('x-sparewatt-job')}`);
  assert.deepEqual([data.object, data.model], ['text_completion', 'test/counts']);
  assert.deepEqual(data.choices, [{ text: TOKENS.join(''), index: 0, logprobs: null, finish_reason: 'length' }]);
  assert.deepEqual(data.usage, { prompt_tokens: 1, completion_tokens: 3, total_tokens: 4 });
  const { input } = runtime.asked.at(-1) as ChatJob;
  assert.deepEqual(input.messages, [{ role: 'user', content: 'zero' }]);
  assert.deepEqual([input.raw, input.maxTokens, input.stop, input.seed], [true, 16, ['\n'], 7]);
});

test('gives several choices, and begins with the prompt where that is asked for', async () => {
  const { choices } = await client.completions.create({ ...ask, n: 2, echo: true });
  assert.deepEqual(
    choices.map(({ text, index }) => [text, index]),
    [0, 1].map((index) => [`zero${TOKENS.join('')}`, index]),
  );
});

test('streams the same text, each event in the older form, and the usage when it is asked for', async () => {
  const options = { ...ask, echo: true, stream: true, stream_options: { include_usage: true } } as const;
  let text = '';
  const reasons: (string | null)[] = [];
  let total = 0;
  for await (const { object, choices, usage } of await client.completions.create(options)) {
    assert.equal(object, 'text_completion');
    text += choices[0]?.text ?? '';
    if (choices[0] !== undefined) reasons.push(choices[0].finish_reason);
    total += usage?.total_tokens ?? 0;
  }
  assert.equal(text, `zero${TOKENS.join('')}`);
  assert.deepEqual([reasons.at(-1), reasons.slice(0, -1).every((reason) => reason === null)], ['length', true]);
  assert.equal(total, 4);
});

for (const stream of [false, true]) {
  test(`tells probabilities in four lists, ${stream ? 'event by event' : 'all at once'}`, async () => {
    const lists = { tokens: [] as string[], offsets: [] as number[], own: [] as number[], others: [] as object[] };
    const take = ({ logprobs }: { logprobs: unknown }): void => {
      const said = logprobs as Record<string, never[]> | null;
      lists.tokens.push(...(said?.tokens ?? []));
      lists.offsets.push(...(said?.text_offset ?? []));
      lists.own.push(...(said?.token_logprobs ?? []));
      lists.others.push(...(said?.top_logprobs ?? []));
    };
    if (stream) {
      const events = await client.completions.create({ ...ask, logprobs: 2, stream: true });
      for await (const { choices } of events) for (const choice of choices) take(choice);
    } else for (const choice of (await client.completions.create({ ...ask, logprobs: 2 })).choices) take(choice);
    assert.deepEqual(lists.tokens, TOKENS);
    assert.deepEqual(lists.offsets, [0, 4, 6]);
    assert.deepEqual(lists.own, [-0.5, -0.5, -0.5]);
    assert.deepEqual(lists.others[1], { ' 漢': -0.5, ' other': -1 });
  });
}

test('refuses what it would have to ignore, and says which parameter that is', async () => {
  for (const [param, more] of Object.entries({
    suffix: { suffix: 'end' },
    best_of: { best_of: 3, n: 2 },
    echo: { echo: true, logprobs: 0 },
    prompt: { prompt: ['a', 'b'] },
    stream_options: { stream_options: { include_usage: true } },
    logit_bias: { logit_bias: { x: 1 } },
  })) {
    const response = await post({ ...ask, ...more });
    const { error } = (await response.json()) as { error: { param: string } };
    assert.deepEqual([response.status, error.param], [400, param]);
  }
  for (const prompt of [[1, 2], [[1], [2]], '', [], null, {}, [null]]) {
    const response = await post({ ...ask, prompt });
    const { error } = (await response.json()) as { error: { param: string; message: string } };
    assert.deepEqual([response.status, error.param], [400, 'prompt'], JSON.stringify(prompt));
    assert.doesNotMatch(error.message, /leave out/, 'no request is without one');
  }
  assert.equal(
    (await post({ ...ask, user: 'u', unheard: 1 })).headers.get('x-sparewatt-ignored-params'),
    'user, unheard',
  );
});

test('ends with an error as chats do: by its status before the first text, in an event after it', async () => {
  assert.equal((await post({ ...ask, model: 'test/none' })).status, 404);
  const response = await post({ ...ask, model: 'test/breaks', stream: true });
  assert.ok(response.status >= 500);
  assert.equal(((await response.json()) as { code: string }).code, 'node_fault');
});
