import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type {
  ServiceAnswer,
  ServiceDetails,
  ServicePage,
  ServiceRequirements,
  ServiceSummary,
} from '../../shared/api/services.ts';
import { BUILT_IN_SERVICES } from '../../shared/registry/catalog/all.ts';
import { isJobType } from '../../shared/registry/read-service.ts';
import { assertError, type ExpectedError, readError } from '../support/error-answers.ts';
import { joinScriptedNode } from '../support/nodes/scripted-node.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { createSyntheticRuntime } from '../support/runtimes/synthetic-runtime.ts';
import { until } from '../support/until.ts';

let pool: Pool;
before(async () => {
  pool = await startPool();
});
after(() => pool.close());

async function get<Answer>(path: string): Promise<Answer> {
  const response = await pool.request(path);
  assert.equal(response.status, 200, path);
  return (await response.json()) as Answer;
}

function ask(id: string, body: unknown): Promise<Response> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  return pool.request(`/v1/services/${id}`, init);
}

async function run(id: string, body: unknown): Promise<ServiceAnswer> {
  const response = await ask(id, body);
  const answer = (await response.json()) as ServiceAnswer;
  assert.equal(response.status, 200, JSON.stringify(answer));
  return answer;
}

async function assertRefused(id: string, body: unknown, expected: ExpectedError): Promise<void> {
  assertError(await readError(await ask(id, body)), expected);
}

async function summaryOf(id: string): Promise<ServiceSummary> {
  const { data } = await get<ServicePage>('/v1/registry/services');
  return data.find((service) => service.id === id) ?? assert.fail(id);
}

test('the registry of an empty pool lists every service, and claims of none that it could run', async () => {
  const { data, next } = await get<ServicePage>('/v1/registry/services');
  assert.equal(next, null);
  assert.deepEqual(
    data.map(({ id }) => id),
    BUILT_IN_SERVICES.map(({ id }) => id).sort(),
  );
  for (const { id, runtime, available } of data) {
    assert.deepEqual([available.nodes, available.free], [0, 0], id);
    assert.equal(available.runnable, isJobType(runtime), id);
    assert.ok(available.missing.length > 0, id);
  }
});

test('a service that no node of the pool can run is refused with what it lacks', async () => {
  await assertRefused('llm/inference', { prompt: 'x' }, { code: 'no_capacity', message: /the capability "llm"/ });
  await assertRefused(
    'whisper/transcribe',
    { url: 'https://x.example/a.wav' },
    {
      code: 'no_capacity',
      message: /the capability "stt".*a model named \*whisper\*.*whisper\/transcribe needs/,
    },
  );
});

test('a service whose runtime no version has yet says so, once its input is right', async () => {
  await assertRefused(
    'gaming/bake-lightmaps',
    { url: 'https://x.example/a.blend' },
    {
      code: 'service_not_runnable',
      message: /needs the runtime "blender-bake"/,
    },
  );
  await assertRefused(
    'gaming/bake-lightmaps',
    { url: 'https://x.example/a.blend', resolution: 7 },
    {
      code: 'invalid_value',
      param: 'resolution',
    },
  );
});

test('the list is filtered by category and by words, and comes in pages', async () => {
  const media = await get<ServicePage>('/v1/registry/services?category=media');
  assert.ok(media.data.length >= 5 && media.data.every(({ category }) => category === 'media'));
  const found = await get<ServicePage>('/v1/registry/services?q=Video%20still');
  assert.deepEqual(
    found.data.map(({ id }) => id),
    ['ffmpeg/thumbnail'],
  );
  const ids: string[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const page: ServicePage = await get(`/v1/registry/services?limit=7&after=${encodeURIComponent(after)}`);
    assert.ok(page.data.length <= 7);
    ids.push(...page.data.map(({ id }) => id));
    after = page.next;
  }
  assert.deepEqual(ids, BUILT_IN_SERVICES.map(({ id }) => id).sort());
  for (const query of ['limit=0', 'limit=1001', 'category=magic', 'colour=red']) {
    assert.equal((await pool.request(`/v1/registry/services?${query}`)).status, 400, query);
  }
});

test('a service, its schemas and its requirements are found with the slash as it is and as %2F', async () => {
  for (const id of ['ffmpeg/transcode', 'ffmpeg%2Ftranscode']) {
    const service = await get<ServiceDetails>(`/v1/registry/services/${id}`);
    assert.deepEqual([service.id, service.origin, service.overrides], ['ffmpeg/transcode', 'built_in', false]);
    const schema = await get<{ input: unknown }>(`/v1/registry/services/${id}/schema`);
    assert.deepEqual(schema.input, service.input);
    const needs = await get<ServiceRequirements>(`/v1/registry/services/${id}/requirements`);
    assert.deepEqual([needs.capability, needs.tools], ['ffmpeg', ['ffmpeg']]);
    assert.deepEqual([needs.available.runnable, needs.available.nodes], [true, 0]);
  }
  const wrong = await readError(await pool.request('/v1/registry/services/ffmpeg/transcod'));
  assertError(wrong, { code: 'service_not_found', param: 'id', message: /Did you mean ffmpeg\/transcode/ });
  await assertRefused('nobody/knows', {}, { code: 'service_not_found' });
});

test('llm/inference answers a prompt and a conversation, and its receipt names it', async () => {
  const { nodeId } = await pool.addNode({ name: 'thinker' });
  const answer = await run('llm/inference', { prompt: 'one two', model: 'test/echo' });
  assert.deepEqual(answer.output, { text: 'one two', finish_reason: 'stop' });
  assert.deepEqual([answer.status, answer.service, answer.node_id], ['ok', 'llm/inference', nodeId]);
  assert.deepEqual(answer.usage, { prompt_tokens: 2, completion_tokens: 2, total_tokens: 4 });
  const talk = await run('llm%2Finference', { messages: [{ role: 'user', content: 'three' }], model: 'test/echo' });
  assert.equal(talk.output.text, 'three');
  const any = await run('llm/inference', { prompt: 'x' });
  assert.equal(any.model, 'test/noop');
  assert.deepEqual((await summaryOf('llm/inference')).available, { runnable: true, nodes: 1, free: 1, missing: [] });
});

test('the receipt and the record of a job name the service that was asked', async () => {
  const { job_id, receipt } = await run('llm/translate', { text: 'Hello', to: 'German', model: 'test/echo' });
  let found: { service?: string; id?: string } = {};
  await until(async () => {
    const response = await pool.request(receipt.url);
    found = response.ok ? ((await response.json()) as typeof found) : {};
    return response.ok;
  });
  assert.deepEqual([found.service, found.id], ['llm/translate', receipt.id]);
  assert.equal((await pool.request(`/v1/jobs/${job_id}`)).status, 200);
});

test('a prompt of a service is filled with the input and its defaults, and never read twice', async () => {
  const { output } = await run('llm/translate', { text: 'to {to} {from}', to: '{text}', model: 'test/echo' });
  const expected = 'Translate the following text from its own language into {text}.\n\nto {to} {from}';
  assert.equal(output.text, expected);
});

test('a wrong input is refused with the member that is wrong, and never repeated', async () => {
  const secret = 'a prompt that must not come back';
  const cases: [string, unknown, ExpectedError][] = [
    ['llm/inference', {}, { code: 'missing_required_parameter', message: /'prompt' or 'messages'/ }],
    ['llm/inference', { prompt: secret, max_tokens: 0 }, { code: 'invalid_value', param: 'max_tokens' }],
    ['llm/inference', { prompt: 5 }, { code: 'invalid_value', param: 'prompt' }],
    ['llm/inference', { prompt: 'x', promt: secret }, { code: 'invalid_value', param: 'promt' }],
    [
      'llm/inference',
      { messages: [{ role: 'user', content: 5 }] },
      { code: 'invalid_value', param: 'messages.0.content' },
    ],
    [
      'llm/inference',
      { messages: [{ role: 'king', content: secret }] },
      { code: 'invalid_value', param: 'messages.0.role' },
    ],
    ['llm/translate', { text: secret }, { code: 'missing_required_parameter', param: 'to' }],
    ['analytics/classify-text', { text: 'x', labels: ['a'] }, { code: 'invalid_value', param: 'labels' }],
    ['llm/inference', { prompt: 'x', model: 'test/vectors' }, { code: 'invalid_value', param: 'model' }],
    ['llm/inference', { prompt: 'x', model: 'no/such' }, { code: 'model_not_found', param: 'model' }],
    ['llm/inference', { prompt: 'x', routing: { node: 5 } }, { code: 'invalid_value', param: 'routing.node' }],
    ['llm/inference', { prompt: 'x', routing: { node: 'nobody' } }, { code: 'invalid_value', param: 'routing.node' }],
    ['llm/inference', [secret], { code: 'invalid_value' }],
  ];
  for (const [id, body, expected] of cases) {
    const answer = await readError(await ask(id, body));
    assertError(answer, expected);
    assert.ok(!answer.body.includes(secret), answer.body);
  }
});

test('embed/text and the ranking of documents come from the same models', async () => {
  const { output, usage } = await run('embed/text', { input: ['ab', 'cdef'] });
  assert.deepEqual([output.dimensions, (output.embeddings as number[][]).map(([first]) => first)], [4, [2, 4]]);
  assert.equal(usage?.total_tokens, 6);
  const ranked = await run('analytics/semantic-rank', { query: 'abc', documents: ['x', 'yy', 'zzz'], top: 2 });
  const results = ranked.output.results as { index: number; score: number }[];
  // Vectors of this model differ in length only, so that all are equally near.
  assert.deepEqual(
    results.map(({ index, score }) => [index, Math.round(score * 1e6) / 1e6]),
    [
      [0, 1],
      [1, 1],
    ],
  );
});

test('a service on a capability gets the input with its defaults, and owes the output of its schema', async (t) => {
  const node = await joinScriptedNode(t, pool.relay, { name: 'ears', models: ['scripted/whisper-x'], type: 'stt' });
  const good = ask('whisper/transcribe', { audio: 'AAAA', language: 'en' });
  const job = await node.jobs.next();
  assert.deepEqual(job.request.input, { audio: 'AAAA', language: 'en', task: 'transcribe', timestamps: false });
  job.done({ output: { text: 'hello' } });
  const answer = (await (await good).json()) as ServiceAnswer;
  assert.deepEqual([answer.output, answer.model], [{ text: 'hello' }, 'scripted/whisper-x']);

  const bad = ask('whisper/transcribe', { audio: 'AAAA' });
  (await node.jobs.next()).done({ output: { words: 'hello' } });
  assertError(await readError(await bad), {
    code: 'node_fault',
    message: /not what whisper\/transcribe promises at text/,
  });
});

test('a service that wants certain models takes no other', async () => {
  await pool.addNode({ name: 'other-ears', runtime: createSyntheticRuntime({ 'test/moonshine': 'stt' }) });
  await assertRefused(
    'whisper/transcribe',
    { audio: 'AAAA', model: 'test/moonshine' },
    {
      code: 'invalid_value',
      param: 'model',
      message: /models named \*whisper\*/,
    },
  );
  const captions = await summaryOf('media/captions');
  assert.equal(captions.available.nodes, 1);
  const { available } = await summaryOf('whisper/transcribe');
  assert.deepEqual([available.nodes, available.missing], [0, ['a model named *whisper*']]);
});

test('a service that needs a GPU goes to no node that has not shown one', async (t) => {
  const body = { prompt: 'a lighthouse', width: 64, height: 64 };
  await pool.addNode({ name: 'painter', runtime: createSyntheticRuntime({ 'test/sd-turbo': 'image' }) });
  await assertRefused('stable-diffusion/generate', body, { code: 'no_capacity', message: /a GPU with 4 GiB/ });
  await assertRefused('stable-diffusion/generate', { ...body, model: 'test/sd-turbo' }, { code: 'no_capacity' });

  const node = await joinScriptedNode(t, pool.relay, { name: 'gpu', models: ['scripted/sd-turbo'], type: 'image' });
  assert.deepEqual((await summaryOf('stable-diffusion/generate')).available.missing, ['a GPU with 4 GiB of memory']);
  node.state.gpus = [{ name: 'test', vendor: null, vram_bytes: 4 * 2 ** 30, driver: null }];
  node.state.revision += 1;
  node.beat();
  await until(async () => (await summaryOf('stable-diffusion/generate')).available.nodes === 1);
  const answer = ask('stable-diffusion/generate', body);
  const job = await node.jobs.next();
  assert.deepEqual(job.request.input, body);
  job.done({ output: { image: 'AAAA', media_type: 'image/png' } });
  assert.equal((await answer).status, 200);
});

test('a cordoned node and a full one are not counted as free', async () => {
  const before = (await summaryOf('llm/inference')).available;
  const { nodeId } = await pool.addNode({ name: 'away' });
  assert.equal((await summaryOf('llm/inference')).available.nodes, before.nodes + 1);
  const response = await pool.request(`/v1/admin/nodes/${nodeId}/cordon`, {
    method: 'POST',
    headers: { authorization: `Bearer ${pool.relay.adminToken}`, 'content-type': 'application/json' },
    body: '{}',
  });
  assert.equal(response.status, 200);
  assert.deepEqual((await summaryOf('llm/inference')).available, before);
});

test('services need a key, and those of the operator the admin token', async () => {
  const nobody = { headers: { authorization: 'Bearer wrong' } };
  for (const path of ['/v1/registry/services', '/v1/registry/services/llm/inference', '/v1/admin/services']) {
    assert.equal((await pool.request(path, nobody)).status, 401, path);
  }
  assert.equal((await pool.request('/v1/services/llm/inference', { ...nobody, method: 'POST' })).status, 401);
  assert.equal((await pool.request('/v1/admin/services')).status, 403);
});
