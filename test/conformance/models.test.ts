import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import OpenAI from 'openai';
import { assertError, readError } from '../support/error-answers.ts';
import { exchange, requestBytes } from '../support/network/raw-http.ts';
import { startPool } from '../support/pool.ts';
import { createScriptedRuntime } from '../support/runtimes/scripted-runtime.ts';
import { until } from '../support/until.ts';

const pool = await startPool();
after(() => pool.close());
await pool.addNode();

const ask = (model: string) => ({ model, messages: [{ role: 'user' as const, content: 'x' }] });

test('[MO1] lists the models in one page in the shape of OpenAI', async () => {
  const before = Math.floor(Date.now() / 1000);
  const models: OpenAI.Model[] = [];
  for await (const model of pool.client().models.list()) models.push(model);
  assert.deepEqual(models.map(({ id }) => id).sort(), [
    'test/breaking',
    'test/echo',
    'test/failing',
    'test/noop',
    'test/stuck',
    'test/ten-ms',
    'test/vectors',
  ]);
  for (const model of models) {
    assert.equal(model.object, 'model');
    assert.equal(model.owned_by, 'test');
    assert.ok(Number.isInteger(model.created) && Math.abs(model.created - before) < 60, `${model.created}`);
  }
});

test('[MO2] finds a model by its id, as the official client escapes it', async () => {
  const model = await pool.client().models.retrieve('test/echo');
  assert.deepEqual([model.id, model.object], ['test/echo', 'model']);
  const raw = await exchange(pool, requestBytes(pool, { path: '/v1/models/test%2Fecho' }));
  assert.equal(raw.status, 200);
});

test('[MO2] finds a model with a long id and with letters that must be escaped', async () => {
  const ids = [`test/${'m'.repeat(200)}`, 'ünï/cödé 100%', 'a/b/c', 'plain'];
  const node = await pool.addNode({
    name: 'names',
    runtime: createScriptedRuntime(Object.fromEntries(ids.map((id) => [id, () => 'stop' as const]))),
  });
  for (const id of ids) {
    assert.equal((await pool.client().models.retrieve(id)).id, id);
    assert.equal((await pool.client().chat.completions.create(ask(id))).model, id);
  }
  await node.agent.close();
});

test('[MO3] finds a model whose slash is not escaped', async () => {
  for (const path of ['/v1/models/test/echo', '/v1/models/test/echo?x=1']) {
    const answer = await exchange(pool, requestBytes(pool, { path }));
    assert.deepEqual([answer.status, JSON.parse(answer.body).id], [200, 'test/echo']);
  }
});

test('[MO4] answers an unknown model with 404 model_not_found and the nearest names, wherever it is asked for', async () => {
  const client = pool.client();
  const ofChats = /"test\/ecko".* Did you mean test\/echo(\?$| or )/;
  const cases: [asking: () => Promise<unknown>, sentence: RegExp][] = [
    [() => client.models.retrieve('test/ecko'), ofChats],
    [() => client.chat.completions.create(ask('test/ecko')), ofChats],
    [() => client.chat.completions.create({ ...ask('test/ecko'), stream: true }), ofChats],
    [
      () => client.embeddings.create({ model: 'test/vektors', input: 'x' }),
      /"test\/vektors".* Did you mean test\/vectors\?$/,
    ],
  ];
  for (const [asking, sentence] of cases) {
    await assert.rejects(asking(), (error: unknown) => {
      assert.ok(error instanceof OpenAI.NotFoundError);
      assert.deepEqual([error.code, error.param], ['model_not_found', 'model']);
      assert.match(error.message, sentence);
      return true;
    });
  }
});

test('[MO4] takes strange ids for unknown models and nothing else', async () => {
  const paths = [
    '..',
    '%2e%2e',
    '../../etc/passwd',
    '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
    '__proto__',
    'constructor',
    '%00',
  ];
  for (const path of [...paths, 'test%252Fecho', 'test/echo/', 'Test/Echo', '*', '']) {
    const answer = await exchange(pool, requestBytes(pool, { path: `/v1/models/${path}` }));
    assert.equal(JSON.parse(answer.body).code, 'model_not_found', path);
    assert.equal(answer.status, 404);
  }
  const response = await pool.request('/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(ask('__proto__')),
  });
  assertError(await readError(response), { code: 'model_not_found', param: 'model' });
});

test('answers 400 when a model of one kind is asked for work of another', async () => {
  const client = pool.client();
  for (const asking of [
    () => client.chat.completions.create(ask('test/vectors')),
    () => client.embeddings.create({ model: 'test/echo', input: 'x' }),
  ]) {
    await assert.rejects(asking(), (error: unknown) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.deepEqual([error.code, error.param], ['invalid_value', 'model']);
      return true;
    });
  }
});

test('[MO5] answers 503 no_capacity with Retry-After for a model that no node has now', async () => {
  const passing = await pool.addNode({
    name: 'passing',
    runtime: createScriptedRuntime({ 'test/passing': () => 'stop' }),
  });
  await pool.client().chat.completions.create(ask('test/passing'));
  await passing.agent.close();
  await until(() => !pool.relay.nodes().includes(passing.nodeId));
  const response = await pool.request('/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(ask('test/passing')),
  });
  const [after, afterMs] = ['retry-after', 'retry-after-ms'].map((name) => Number(response.headers.get(name)));
  assert.ok(after !== undefined && after >= 1 && afterMs === after * 1000, `${after} s, ${afterMs} ms`);
  assertError(await readError(response), { code: 'no_capacity', message: /test\/passing/ });
  assert.equal(
    (await pool.client().models.list()).data.some(({ id }) => id === 'test/passing'),
    false,
  );
});
