/** OpenAI's older route, by its own client, and what is asked of a node by it. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { TokenLogprob } from '../../shared/protocol/messages.ts';
import { readEvents } from '../support/network/sse.ts';
import { startPool } from '../support/pool.ts';
import { type ChatJob, createScriptedRuntime, untilCancelled } from '../support/runtimes/scripted-runtime.ts';
import { until } from '../support/until.ts';

const TOKENS = [' one', ' 漢', ' two'];
const probability = (token: string): TokenLogprob => {
  const said = { token, logprob: -0.5, bytes: [...Buffer.from(token)] };
  return { ...said, top: [said, { ...said, token: ' other', logprob: -1 }] };
};

/** The other prompt's text has left its node. */
const told = Promise.withResolvers<void>();
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
  'test/picky': ({ input }, _output, signal) => {
    if (input.messages[0]?.content === 'fail') throw new Error('it broke');
    return untilCancelled(signal);
  },
  'test/late': async ({ input }, output, signal) => {
    if (input.messages[0]?.content === 'fail') {
      await told.promise;
      output.text(' begun', 1);
      throw new Error('it broke');
    }
    output.text(' told', 1);
    told.resolve();
    return untilCancelled(signal).finally(() => output.text(' late', 1));
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

test('answers several prompts in their order, with n choices of each, and counts the tokens of all', async () => {
  const asked = runtime.asked.length;
  const options = { ...ask, prompt: ['b', 'a', 'c'], n: 2, echo: true };
  const { data, response } = await client.completions.create(options).withResponse();
  assert.deepEqual(
    data.choices.map(({ text, index, finish_reason }) => [text, index, finish_reason]),
    ['b', 'b', 'a', 'a', 'c', 'c'].map((prompt, index) => [`${prompt}${TOKENS.join('')}`, index, 'length']),
  );
  assert.deepEqual(data.usage, { prompt_tokens: 3, completion_tokens: 18, total_tokens: 21 });
  const prompts = (runtime.asked.slice(asked) as ChatJob[]).map(({ input }) => input.messages[0]?.content);
  assert.deepEqual(prompts.sort(), ['a', 'b', 'c']);
  const jobs = response.headers.get('x-sparewatt-job')?.split(', ') ?? [];
  const receipts = response.headers.get('x-sparewatt-receipt')?.split(', ');
  assert.deepEqual([new Set(jobs).size, new Set(receipts).size, data.id], [3, 3, `cmpl-${jobs[0]}`]);
  for (const job of jobs) assert.equal((await pool.request(`/v1/jobs/${job}`)).status, 200);
});

test('streams several prompts, each event with the index among all choices, and the usage of all', async () => {
  const prompt = ['b', 'a', 'c'];
  const options = { ...ask, prompt, n: 2, echo: true, stream: true, stream_options: { include_usage: true } } as const;
  const texts = Array.from({ length: 6 }, () => '');
  const ended: number[] = [];
  let total = 0;
  for await (const { choices, usage } of await client.completions.create(options)) {
    for (const { index, text, finish_reason } of choices) {
      texts[index] += text;
      if (finish_reason === 'length') ended.push(index);
    }
    total += usage?.total_tokens ?? 0;
  }
  assert.deepEqual(
    texts,
    ['b', 'b', 'a', 'a', 'c', 'c'].map((text) => `${text}${TOKENS.join('')}`),
  );
  assert.deepEqual([ended, total], [[0, 1, 2, 3, 4, 5], 21]);
});

test('takes 32 prompts and refuses one more with what to do', async () => {
  const prompts = (count: number) => Array.from({ length: count }, (_, index) => `${index}`);
  const { choices } = await client.completions.create({ ...ask, prompt: prompts(32), echo: true });
  assert.deepEqual(
    choices.map(({ text }) => text),
    prompts(32).map((prompt) => `${prompt}${TOKENS.join('')}`),
  );
  const response = await post({ ...ask, prompt: prompts(33) });
  const { error } = (await response.json()) as { error: { param: string; message: string } };
  assert.deepEqual([response.status, error.param], [400, 'prompt']);
  assert.match(error.message, /32 prompts\. Send the others in requests of their own/);
});

for (const stream of [false, true]) {
  test(`one prompt that fails is one error for all, and ends the others${stream ? ', before a text is streamed' : ''}`, async () => {
    const response = await post({ ...ask, model: 'test/picky', prompt: ['stay', 'fail', 'stay'], stream });
    const body = (await response.json()) as { code: string };
    assert.deepEqual([response.status >= 500, body.code], [true, 'node_fault']);
    assert.deepEqual(await statesOf(response), ['cancelled', 'failed', 'cancelled']);
  });
}

test('one prompt that fails after its first text is the last event of all, and ends the others', async () => {
  const response = await post({ ...ask, model: 'test/late', prompt: ['stay', 'fail'], stream: true });
  const { events, isDone, rest } = readEvents(await response.text());
  assert.deepEqual([response.status, isDone, rest], [200, false, '']);
  const texts = events.slice(0, -1) as unknown as { choices: { index: number; text: string }[] }[];
  assert.deepEqual(texts.map(({ choices: [choice] }) => [choice?.index, choice?.text]).sort(), [
    [0, ' told'],
    [1, ' begun'],
  ]);
  assert.equal(events.at(-1)?.error?.code, 'node_fault');
  assert.deepEqual(await statesOf(response), ['cancelled', 'failed']);
});

/** How the jobs of an answer ended. */
async function statesOf({ headers }: Response): Promise<string[]> {
  const jobs = headers.get('x-sparewatt-job')?.split(', ') ?? [];
  const statesNow = async (): Promise<string[]> => {
    const answers = await Promise.all(jobs.map((job) => pool.request(`/v1/jobs/${job}`)));
    return Promise.all(answers.map(async (answer) => ((await answer.json()) as { state: string }).state));
  };
  await until(async () => !(await statesNow()).includes('running'));
  return statesNow();
}

test('counts each prompt against the limit of a key, all of them or none', async () => {
  const body = JSON.stringify({ name: 'few', requests_per_minute: 3 });
  const headers = { authorization: `Bearer ${pool.relay.adminToken}`, 'content-type': 'application/json' };
  const made = await pool.request('/v1/admin/keys', { method: 'POST', headers, body });
  const { key } = (await made.json()) as { key: string };
  const limited = pool.client({ apiKey: key });
  const refused = await limited.completions.create({ ...ask, prompt: ['1', '2', '3', '4'] }).catch((error) => error);
  assert.deepEqual([refused.status, /these are 4\. Send fewer/.test(refused.message)], [429, true]);
  assert.equal((await limited.completions.create({ ...ask, prompt: ['1', '2', '3'] })).choices.length, 3);
  const spent = await limited.completions.create(ask).catch((error) => error);
  assert.equal(spent.status, 429);
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
    stream_options: { stream_options: { include_usage: true } },
    logit_bias: { logit_bias: { x: 1 } },
  })) {
    const response = await post({ ...ask, ...more });
    const { error } = (await response.json()) as { error: { param: string } };
    assert.deepEqual([response.status, error.param], [400, param]);
  }
  for (const prompt of [[1, 2], [[1], [2]], '', [], null, {}, [null], ['a', ''], ['a', 1], ['a', [1]]]) {
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
