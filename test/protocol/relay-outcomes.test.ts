import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { Receipt } from '../../shared/receipts/receipt.ts';
import { askChat, askVectors, loadOf, recordOf, streamChat } from '../support/ask-pool.ts';
import { pretendedExecution } from '../support/models/pretended-model.ts';
import { vectorsFrame } from '../support/nodes/scripted-node.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { joinNodes } from '../support/scripted-pool.ts';
import { until } from '../support/until.ts';

let pool: Pool;
before(async () => {
  pool = await startPool();
});
after(() => pool.close());

test('[R1] a failure before any output is tried on other nodes, three attempts in all', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 4);
  const answer = askChat(pool, model);
  for (const [i, node] of nodes.slice(0, 3).entries()) {
    const job = await node.jobs.next();
    assert.equal(job.request.attempt, i + 1);
    job.send({ type: 'accepted' });
    job.fail(i === 2 ? 'model_load_failed' : 'node_fault');
  }
  const { status, code, jobId } = await answer;
  assert.equal(status, 503);
  assert.equal(code, 'model_load_failed');
  assert.equal(nodes[3].jobs.all.length, 0);
  const { attempts, state } = await recordOf(pool, jobId);
  assert.equal(state, 'failed');
  assert.deepEqual(
    attempts.map(({ nodeId }) => nodeId),
    nodes.slice(0, 3).map(({ nodeId }) => nodeId),
  );
});

test('[R1] a failure that is the fault of the request is not tried again', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 2);
  const answer = askChat(pool, model);
  (await nodes[0].jobs.next()).fail('context_length_exceeded', 'Too long.');
  assert.deepEqual((await answer).code, 'context_length_exceeded');
  assert.equal(nodes[1].jobs.all.length, 0);
});

for (const code of ['invalid_api_key', 'insufficient_credits', 'storage_failed', 'internal', 'cancelled'] as const) {
  test(`[R7] a node that says ${code}, which only the relay knows, has failed, and another is asked`, async (t) => {
    const { model, nodes } = await joinNodes(t, pool, 2);
    const answer = askChat(pool, model);
    (await nodes[0].jobs.next()).fail(code, 'The key is wrong.');
    (await nodes[1].jobs.next()).done({ text: 'the answer' });
    const { content, jobId } = await answer;
    assert.equal(content, 'the answer');
    const { attempts } = await recordOf(pool, jobId);
    assert.equal(attempts[0]?.problem?.code, 'node_fault');
  });
}

test('[R1] [R3] after output has been passed on the job fails, and its stream ends with an error event', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 2);
  const answer = streamChat(pool, model);
  const job = await nodes[0].jobs.next();
  job.text('half ');
  job.fail('node_fault');
  assert.deepEqual(await answer, { status: 200, text: 'half ', end: 'node_fault' });
  assert.equal(nodes[1].jobs.all.length, 0);
});

test('[R1] vectors from a node that vanishes before the last are forgotten, and all come from another', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 2, { type: 'embed' });
  const [vanishing, working] = nodes;
  const answer = askVectors(pool, model, ['a', 'b', 'c']);
  (await vanishing.jobs.next()).send(vectorsFrame(0, 2, 2, 4, 1));
  await vanishing.connection.flush();
  await vanishing.close();
  const job = await working.jobs.next();
  job.send(vectorsFrame(0, 1, 2, 2, 5));
  job.send(vectorsFrame(1, 2, 2, 4, 5));
  job.done();
  const { vectors, jobId } = await answer;
  const fives = [5, 5];
  assert.deepEqual(vectors, [fives, fives, fives]);
  const { attempts } = await recordOf(pool, jobId);
  assert.deepEqual(
    attempts.map(({ problem }) => problem?.code),
    ['node_lost', undefined],
  );
  const receipt = (await (await pool.request(`/v1/jobs/${jobId}/receipt`)).json()) as Receipt;
  const bytes = new Uint8Array(new Float32Array(6).fill(5).buffer);
  assert.equal(receipt.responseHash, hash('sha256', bytes, 'hex'));
});

test('[R1] text for a client that waits for the whole answer is forgotten, and another node answers', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 2);
  const answer = askChat(pool, model);
  const job = await nodes[0].jobs.next();
  job.text('half ');
  job.fail('node_fault');
  (await nodes[1].jobs.next()).done({ text: 'whole' });
  assert.equal((await answer).content, 'whole');
});

test('[J2] [R1] a busy node is no failure of the job: another one takes it, and its attempt counts as the first', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 2);
  const [busy, free] = nodes;
  const answer = askChat(pool, model);
  (await busy.jobs.next()).fail('node_busy');
  (await free.jobs.next()).done({ text: 'free' });
  const { content, jobId } = await answer;
  assert.equal(content, 'free');
  assert.deepEqual(
    (await recordOf(pool, jobId)).attempts.map(({ nodeId }) => nodeId),
    [free.nodeId],
  );
});

test('[J2] [R1] a node that is busy after it has spoken ends the answer: nobody hears two beginnings', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 2);
  const [speaking, other] = nodes;
  const response = pool.request('/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'x' }] }),
  });
  const job = await speaking.jobs.next();
  job.text('half ');
  job.fail('node_busy');
  const text = await (await response).text();
  assert.match(text, /half .*node_busy/s);
  assert.equal(other.jobs.all.length, 0);
});

test('[J2] [R1] the only node is asked again until it is not busy any more', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 1);
  const answer = askChat(pool, model);
  for (let i = 0; i < 4; i++) (await nodes[0].jobs.next()).fail('node_busy');
  (await nodes[0].jobs.next()).done({ text: 'at last' });
  assert.equal((await answer).content, 'at last');
});

test('[R2] [S5] a node that vanishes is told apart from one that fails, and in both cases another one works', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 3);
  const [vanishing, failing, working] = nodes;
  const answer = askChat(pool, model);
  (await vanishing.jobs.next()).send({ type: 'accepted' });
  await vanishing.connection.flush();
  await vanishing.close();
  (await failing.jobs.next()).fail('node_fault');
  (await working.jobs.next()).done({ text: 'worked' });
  const { content, jobId } = await answer;
  assert.equal(content, 'worked');
  assert.deepEqual(
    (await recordOf(pool, jobId)).attempts.map(({ problem }) => problem?.code),
    ['node_lost', 'node_fault', undefined],
  );
});

test('[R3] half an answer from a node that disconnects ends with an error event, not with silence', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 1);
  const begun = Promise.withResolvers<void>();
  const answer = streamChat(pool, model, {}, begun.resolve);
  const job = await nodes[0].jobs.next();
  job.text('half an ');
  // That a node is gone may come to the relay before the last that it said.
  await begun.promise;
  await nodes[0].close();
  assert.deepEqual(await answer, { status: 200, text: 'half an ', end: 'node_lost' });
});

for (const bytes of ['{"type":"text","te', '[]', 'null', '', '\u0000', '{"type":"text","seq":0}', '"done"']) {
  test(`[R5] a frame that is ${JSON.stringify(bytes)} ends its attempt and nothing else`, async (t) => {
    const { model, nodes } = await joinNodes(t, pool, 2, { slots: 2 });
    const [broken, whole] = nodes;
    const unharmed = streamChat(pool, model);
    const other = await broken.jobs.next();
    other.text('un');
    await until(async () => (await loadOf(pool)).running === 1);
    const answer = askChat(pool, model);
    (await whole.jobs.next()).raw(bytes);
    assert.equal((await whole.cancels.next()).attempt, 1);
    (await broken.jobs.next()).done({ text: 'answered' });
    assert.equal((await answer).content, 'answered');
    other.text('harmed');
    other.done();
    assert.deepEqual(await unharmed, { status: 200, text: 'unharmed', end: '[DONE]' });
  });
}

test('[R5] bytes that are not UTF-8 and frames of unknown types end their attempt', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 3);
  const answer = askChat(pool, model);
  (await nodes[0].jobs.next()).raw(Uint8Array.of(0x22, 0xff, 0x22));
  (await nodes[1].jobs.next()).send({ type: 'telepathy' });
  (await nodes[2].jobs.next()).done({ text: 'plain words' });
  const { content, jobId } = await answer;
  assert.equal(content, 'plain words');
  const { attempts } = await recordOf(pool, jobId);
  assert.deepEqual(
    attempts.slice(0, 2).map(({ problem }) => problem?.code),
    ['protocol_violation', 'protocol_violation'],
  );
});

test('[R5] a count that no database could keep ends its own attempt, and the job is recorded all the same', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 1);
  const answer = askChat(pool, model);
  (await nodes[0].jobs.next()).done({ text: 'x', usage: { inputTokens: 1e300, outputTokens: 1 } });
  const { status, code, jobId } = await answer;
  assert.deepEqual([status, code], [502, 'protocol_violation']);
  assert.equal((await recordOf(pool, jobId)).state, 'failed');
});

test('[J8] an answer that could not be signed for is no answer: another node gives one, with its record', async (t) => {
  const unsound: Record<string, unknown>[] = [
    { execution: { ...pretendedExecution('x'), device: '\ud800' } },
    { execution: { ...pretendedExecution('x'), revision: 'x'.repeat(100_000) } },
    { signature: '\udfff' },
    { usage: { inputTokens: 1, outputTokens: Number.MAX_SAFE_INTEGER } },
  ];
  for (const done of unsound) {
    const { model, nodes } = await joinNodes(t, pool, 2);
    const answer = askChat(pool, model);
    (await nodes[0].jobs.next()).done({ text: 'ok', ...done });
    (await nodes[1].jobs.next()).done({ text: 'ok' });
    const { status, jobId } = await answer;
    assert.equal(status, 200);
    const { attempts } = await recordOf(pool, jobId);
    assert.deepEqual(
      attempts.map(({ problem }) => problem?.code),
      ['protocol_violation', undefined],
      Object.keys(done)[0],
    );
  }
});

test('[R1] an output that is nested without end is tried elsewhere', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 2, { type: 'ocr' });
  const image = Buffer.from('a picture').toString('base64');
  const body = JSON.stringify({ model, image });
  const headers = { 'content-type': 'application/json' };
  const answer = pool.request('/v1/capability/ocr', { method: 'POST', headers, body });
  const deep = JSON.parse(`${'{"a":'.repeat(600)}1${'}'.repeat(600)}`) as object;
  (await nodes[0].jobs.next()).done({ output: deep });
  (await nodes[1].jobs.next()).done({ output: { text: 'read' } });
  const { status, headers: told } = await answer;
  assert.equal(status, 200);
  const { attempts, state } = await recordOf(pool, told.get('x-sparewatt-job') ?? '');
  assert.deepEqual(
    [state, attempts.map(({ problem }) => problem?.code)],
    ['succeeded', ['protocol_violation', undefined]],
  );
});
