import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createOtlpExporter } from '../../shared/tracing/otlp-exporter.ts';
import { type CollectedSpan, startCollector } from '../support/network/collector.ts';
import { joinMiner, minerModel } from '../support/nodes/miner.ts';
import { silentLog, startPool } from '../support/pool.ts';
import { createScriptedRuntime, knowing } from '../support/runtimes/scripted-runtime.ts';
import { joinNodes } from '../support/scripted-pool.ts';
import { until } from '../support/until.ts';

const collector = await startCollector();
after(() => collector.close());
const pool = await startPool({ otlp: { endpoint: collector.url } });
after(() => pool.close());
const resource = { attributes: { 'service.name': 'a node' }, version: '0.0.0-test' };
const node = createOtlpExporter({ endpoint: collector.url, resource, fetch, log: silentLog, everyMs: 1 });
after(() => node.close());
await pool.addNode({
  spans: { export: node.export, random: (bytes) => crypto.getRandomValues(bytes) },
});

const PROMPT = 'nobody else reads this';
const PARENT = 'b7ad6b7169203331';
let traces = 0;

async function chat(model: string, traceId: string, more: { flags?: string; stream?: boolean } = {}) {
  return pool.request('/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json', traceparent: `00-${traceId}-${PARENT}-${more.flags ?? '01'}` },
    body: JSON.stringify({ model, stream: more.stream ?? false, messages: [{ role: 'user', content: PROMPT }] }),
  });
}

const newTrace = (): string => `${++traces}`.padStart(32, 'a');

/** The spans of a trace by what their names begin with, once so many have come. */
async function spansOf(traceId: string, count: number): Promise<(start: string) => CollectedSpan[]> {
  const mine = () => collector.spans.filter((span) => span.traceId === traceId);
  await until(() => mine().length >= count);
  assert.equal(mine().length, count, JSON.stringify(mine().map(({ name }) => name)));
  return (start) => mine().filter(({ name }) => name.startsWith(start));
}

test('[W2] [X20] leads from the traceparent of a client over queue wait and attempt to the run on the node', async () => {
  const traceId = newTrace();
  const response = await chat('test/echo', traceId);
  assert.equal(response.status, 200);
  await response.text();
  const named = await spansOf(traceId, 4);
  const [[request], [wait], [attempt], [run]] = ['POST ', 'queue wait', 'attempt ', 'run '].map(named) as [
    [CollectedSpan],
    [CollectedSpan],
    [CollectedSpan],
    [CollectedSpan],
  ];
  assert.equal(request.parentSpanId, PARENT);
  assert.equal(wait.parentSpanId, request.spanId);
  assert.equal(attempt.parentSpanId, request.spanId);
  assert.equal(run.parentSpanId, attempt.spanId);
  assert.deepEqual([request.service, attempt.service, run.service], ['sparewatt-relay', 'sparewatt-relay', 'a node']);
  assert.deepEqual([request.kind, wait.kind, attempt.kind, run.kind], [2, 1, 3, 5]);
  assert.equal(request.name, 'POST /v1/chat/completions');
  assert.equal(request.attributes['http.response.status_code'], '200');
  assert.equal(attempt.attributes['sparewatt.node.id'], response.headers.get('x-sparewatt-node'));
  assert.equal(attempt.attributes['sparewatt.job.id'], response.headers.get('x-sparewatt-job'));
  assert.equal(run.attributes['gen_ai.request.model'], 'test/echo');
  assert.ok(Number(attempt.attributes['gen_ai.usage.output_tokens']) > 0);
  for (const span of [request, wait, attempt, run]) {
    assert.ok(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano), span.name);
  }
});

test('tells of an attempt how much of its prompt its node still knew', async () => {
  const runtime = createScriptedRuntime({
    'test/knowing': (_, output) => {
      output.text('Yes.', 1);
      return 'stop';
    },
  });
  await pool.addNode({ runtime: knowing(runtime, { inputTokens: 20, cachedTokens: 12 }) });
  const traceId = newTrace();
  assert.equal((await chat('test/knowing', traceId)).status, 200);
  const [attempt] = (await spansOf(traceId, 3))('attempt ');
  const tokens = ['input_tokens', 'cache_read.input_tokens'].map((name) => attempt?.attributes[`gen_ai.usage.${name}`]);
  assert.deepEqual(tokens, ['20', '12']);
});

test('[W2] [X20] begins a trace where there is none or a malformed one, and keeps none that its client does not', async () => {
  const before = collector.spans.length;
  await (await chat('test/noop', newTrace(), { flags: '00' })).text();
  await (await chat('test/noop', 'Z'.repeat(32))).text();
  await until(() => collector.spans.length >= before + 4);
  const fresh = collector.spans.slice(before);
  assert.equal(new Set(fresh.map(({ traceId }) => traceId)).size, 1);
  assert.match(fresh[0]?.traceId ?? '', /^(?!a+1?$)[0-9a-f]{32}$/);
  assert.equal(fresh.find(({ name }) => name.startsWith('POST'))?.parentSpanId, undefined);
});

test('[W2] tells each attempt of a job that moves, and why', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 2);
  const traceId = newTrace();
  const answer = chat(model, traceId);
  const first = await nodes[0].jobs.next();
  first.fail('node_fault', 'broken');
  const second = await nodes[1].jobs.next();
  second.text('done');
  second.done();
  assert.equal((await answer).status, 200);
  const named = await spansOf(traceId, 5);
  const attempts = named('attempt ');
  assert.deepEqual(
    attempts.map(({ attributes }) => attributes['error.type'] ?? null),
    ['node_fault', null],
  );
  assert.deepEqual(
    [first.headers, second.headers],
    attempts.map(({ spanId }) => ({ traceparent: [`00-${traceId}-${spanId}-01`] })),
  );
  for (const { request } of [first, second]) assert.ok(!JSON.stringify(request).includes(traceId));
});

test('[W2] a job that is done later belongs to the trace of its submission', async () => {
  const traceId = newTrace();
  const response = await pool.request('/v1/jobs', {
    method: 'POST',
    headers: { 'content-type': 'application/json', traceparent: `00-${traceId}-${PARENT}-01` },
    body: JSON.stringify({ service: 'llm/inference', model: 'test/noop', input: PROMPT }),
  });
  assert.equal(response.status, 202, await response.clone().text());
  const named = await spansOf(traceId, 4);
  assert.equal(named('run ')[0]?.parentSpanId, named('attempt ')[0]?.spanId);
  assert.equal(named('POST /v1/jobs').length, 1);
});

test('[W4] a miner that has no line to the bus finds the place of its attempt in what it is asked', async (t) => {
  const model = minerModel();
  const miner = await joinMiner(t, pool.relay, { models: [model] });
  const traceId = newTrace();
  const answer = chat(model.name, traceId);
  const request = await miner.fetch();
  assert.equal((await miner.answer(request, 'done')).status, 200);
  assert.equal((await answer).status, 200);
  const named = await spansOf(traceId, 3);
  assert.equal(request.traceparent, `00-${traceId}-${named('attempt ')[0]?.spanId}-01`);
});

test('[W3] tells nothing of a request or an answer, also when it fails', async () => {
  for (const model of ['test/echo', 'test/failing']) {
    const traceId = newTrace();
    await (await chat(model, traceId)).text();
    await until(() => collector.spans.some((span) => span.traceId === traceId && span.name.startsWith('POST ')));
  }
  const refused = await pool.request(`/v1/models?secret=${encodeURIComponent(PROMPT)}`);
  assert.equal(refused.status, 200);
  await until(() => collector.spans.some(({ name }) => name === 'GET /v1/models'));
  const told = collector.bodies.join();
  for (const part of [PROMPT, 'nobody', 'secret=', pool.relay.apiKey]) assert.ok(!told.includes(part), part);
});

test('[W1] sends no node a place in a trace while nobody looks', async (t) => {
  const plain = await startPool();
  t.after(() => plain.close());
  const { model, nodes } = await joinNodes(t, plain, 1);
  const answer = plain.request('/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json', traceparent: `00-${newTrace()}-${PARENT}-01` },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'x' }] }),
  });
  const job = await nodes[0].jobs.next();
  assert.equal(job.headers, undefined);
  assert.ok(!('traceparent' in job.request));
  job.text('ok');
  job.done();
  assert.equal((await answer).status, 200);
});
