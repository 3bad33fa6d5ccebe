import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { floatsToBase64 } from '../../shared/protocol/base64.ts';
import { LIMITS } from '../../shared/protocol/limits.ts';
import { subjects } from '../../shared/protocol/subjects.ts';
import { askChat, chatCall, streamChat } from '../support/ask-pool.ts';
import { type Pool, startPool, until } from '../support/pool.ts';
import { joinScriptedNode, type ScriptedNode, type ScriptedNodeOptions } from '../support/scripted-node.ts';

let pool: Pool;
before(async () => {
  pool = await startPool();
});
after(() => pool.close());

let models = 0;
/** Nodes that alone serve a model of their own; the relay asks them in this order. */
async function joinNodes(t: TestContext, count: number, options: ScriptedNodeOptions = {}) {
  const model = `scripted/model-${++models}`;
  const nodes: ScriptedNode[] = [];
  for (let i = 0; i < count; i++) nodes.push(await joinScriptedNode(t, pool.relay, { models: [model], ...options }));
  return { model, nodes: nodes as [ScriptedNode, ScriptedNode, ScriptedNode, ScriptedNode] };
}

async function recordOf(jobId: string) {
  const record = await (await pool.request(`/v1/jobs/${jobId}`)).json();
  return record as { state: string; attempts: { state: string; nodeId: string; problem: { code: string } | null }[] };
}

test('[J1] a request goes to the subject of its node and type, with a reply subject and what the node must know', async (t) => {
  const { model, nodes } = await joinNodes(t, 1);
  const [node] = nodes;
  const answer = askChat(pool, model);
  const job = await node.jobs.next();
  job.done({ text: 'fine' });
  assert.equal((await answer).content, 'fine');
  assert.equal(job.subject, `node.${node.nodeId}.llm.request`);
  assert.ok(job.reply);
  const { request } = job;
  assert.equal(request.job, (await answer).jobId);
  assert.equal(request.attempt, 1);
  assert.equal(request.epoch, node.state.epoch);
  assert.equal(request.model, model);
  assert.equal(request.type, 'llm');
  assert.ok(request.timeoutMs > 0);
});

test('[J4] any frame is the acceptance: text without `accepted` before it is the answer', async (t) => {
  const { model, nodes } = await joinNodes(t, 1);
  const answer = streamChat(pool, model);
  const job = await nodes[0].jobs.next();
  job.text('no ');
  job.text('ceremony');
  job.done();
  assert.deepEqual(await answer, { status: 200, text: 'no ceremony', end: '[DONE]' });
});

test('[J4] a node that sends nothing within the time to accept is given up, cancelled, and another one asked', async (t) => {
  const { model, nodes } = await joinNodes(t, 2);
  const [silent, other] = nodes;
  const answer = askChat(pool, model);
  const first = await silent.jobs.next();
  const second = await other.jobs.next();
  assert.equal(second.request.attempt, 2);
  const cancel = await silent.cancels.next();
  assert.deepEqual(cancel, { job: first.request.job, attempt: 1, epoch: silent.state.epoch });
  first.done({ text: 'too late' });
  second.done({ text: 'in time' });
  const { content, node, jobId } = await answer;
  assert.equal(content, 'in time');
  assert.equal(node, other.nodeId);
  assert.equal((await recordOf(jobId)).attempts[0]?.problem?.code, 'node_lost');
});

for (const { name, seqs } of [
  { name: 'a gap', seqs: [0, 2] },
  { name: 'a repetition', seqs: [0, 0] },
  { name: 'a first frame that is not frame 0', seqs: [1] },
]) {
  test(`[J5] ${name} ends the attempt with protocol_violation, and the job moves on if nothing came out yet`, async (t) => {
    const { model, nodes } = await joinNodes(t, 2);
    const [wrong, right] = nodes;
    const answer = askChat(pool, model);
    const job = await wrong.jobs.next();
    for (const seq of seqs) job.send({ type: 'accepted', seq });
    assert.equal((await wrong.cancels.next()).job, job.request.job);
    (await right.jobs.next()).done({ text: 'right' });
    const { content, jobId } = await answer;
    assert.equal(content, 'right');
    assert.equal((await recordOf(jobId)).attempts[0]?.problem?.code, 'protocol_violation');
  });
}

test('[J5] a last frame out of order is no answer either', async (t) => {
  const { model, nodes } = await joinNodes(t, 1);
  const answer = streamChat(pool, model);
  const job = await nodes[0].jobs.next();
  job.text('a');
  job.done({ seq: 2 });
  assert.deepEqual(await answer, { status: 200, text: 'a', end: 'protocol_violation' });
});

test('[J6] frames of another epoch change nothing', async (t) => {
  const { model, nodes } = await joinNodes(t, 1);
  const answer = streamChat(pool, model);
  const job = await nodes[0].jobs.next();
  const { epoch } = job.request;
  job.text('one ');
  job.send({ type: 'text', text: 'ghost ', tokens: 1, epoch: epoch + 7, seq: 1 });
  job.send({ type: 'error', problem: { code: 'node_fault', detail: 'ghost' }, epoch: epoch + 1, seq: 1 });
  job.text('two');
  job.done();
  assert.deepEqual(await answer, { status: 200, text: 'one two', end: '[DONE]' });
});

test('[J7] nothing after the last frame counts: neither text nor a second end', async (t) => {
  const { model, nodes } = await joinNodes(t, 1);
  const [node] = nodes;
  const answer = streamChat(pool, model);
  const job = await node.jobs.next();
  job.text('all');
  job.done();
  job.text(' and more');
  job.done({ text: 'again' });
  job.fail('node_fault');
  assert.deepEqual(await answer, { status: 200, text: 'all', end: '[DONE]' });
  const next = askChat(pool, model);
  (await node.jobs.next()).done({ text: 'unharmed' });
  assert.equal((await next).content, 'unharmed');
});

test('[J7] `done` carries the whole answer of a job that does not stream, and the rest of one that does', async (t) => {
  const { model, nodes } = await joinNodes(t, 1);
  const [node] = nodes;
  const whole = askChat(pool, model);
  (await node.jobs.next()).done({ text: 'whole' });
  assert.equal((await whole).content, 'whole');
  const streamed = streamChat(pool, model);
  const job = await node.jobs.next();
  assert.equal(job.request.type === 'llm' && job.request.stream, true);
  job.text('be');
  job.done({ text: 'ginning' });
  assert.equal((await streamed).text, 'beginning');
});

test('[J9] [R4] a client that hangs up has the attempt cancelled, and the slot is kept until the node answers', async (t) => {
  const { model, nodes } = await joinNodes(t, 1);
  const [node] = nodes;
  const client = new AbortController();
  const abandoned = pool.request('/v1/chat/completions', { ...chatCall(model, false), signal: client.signal });
  const job = await node.jobs.next();
  job.send({ type: 'accepted' });
  client.abort();
  await assert.rejects(abandoned);
  assert.deepEqual(await node.cancels.next(), { job: job.request.job, attempt: 1, epoch: job.request.epoch });

  const next = askChat(pool, model);
  await until(async () => (await health()).waiting === 1);
  assert.equal(node.jobs.all.length, 1);
  job.fail('cancelled');
  (await node.jobs.next()).done({ text: 'my turn' });
  assert.equal((await next).content, 'my turn');
});

async function health(): Promise<{ waiting: number; running: number }> {
  const { jobs } = (await (await pool.request('/v1/health')).json()) as { jobs: { waiting: number; running: number } };
  return jobs;
}

function embed(model: string, input: string[]): Promise<{ status: number; code: string | undefined }> {
  return pool
    .request('/v1/embeddings', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, input }),
    })
    .then(async (response) => {
      const body = (await response.json()) as { error?: { code: string } };
      return { status: response.status, code: body.error?.code };
    });
}

const vectors = (start: number, count: number, dimensions: number, floats: number) => ({
  type: 'vectors',
  start,
  count,
  dimensions,
  data: floatsToBase64(new Float32Array(floats).fill(1)),
});

test('[J11] vectors that come in order and in their size are the answer', async (t) => {
  const { model, nodes } = await joinNodes(t, 1, { type: 'embed' });
  const answer = embed(model, ['a', 'b', 'c']);
  const job = await nodes[0].jobs.next();
  job.send(vectors(0, 2, 2, 4));
  job.send(vectors(2, 1, 2, 2));
  job.done();
  assert.deepEqual(await answer, { status: 200, code: undefined });
});

for (const { name, frames } of [
  { name: 'fewer floats than it says', frames: [vectors(0, 2, 2, 3)] },
  { name: 'more floats than it says', frames: [vectors(0, 2, 2, 5)] },
  { name: 'vectors out of order', frames: [vectors(1, 1, 2, 2), vectors(0, 1, 2, 2)] },
  { name: 'a vector twice', frames: [vectors(0, 1, 2, 2), vectors(0, 1, 2, 2)] },
  { name: 'a vector too few', frames: [vectors(0, 1, 2, 2)] },
  { name: 'a vector too many', frames: [vectors(0, 3, 2, 6)] },
  { name: 'vectors of two lengths', frames: [vectors(0, 1, 2, 2), vectors(1, 1, 3, 3)] },
]) {
  test(`[J11] ${name} is no answer: the client hears of it and the record calls it a failure`, async (t) => {
    const { model, nodes } = await joinNodes(t, 1, { type: 'embed' });
    const response = pool.request('/v1/embeddings', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, input: ['a', 'b'] }),
    });
    const job = await nodes[0].jobs.next();
    for (const frame of frames) job.send(frame);
    job.done();
    const { status } = await response;
    assert.equal(status, 502);
    const record = await recordOf(job.request.job);
    assert.equal(record.state, 'failed');
    assert.equal(record.attempts[0]?.problem?.code, 'protocol_violation');
  });
}

test('[R1] a failure before any output is tried on other nodes, three attempts in all', async (t) => {
  const { model, nodes } = await joinNodes(t, 4);
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
  const { attempts, state } = await recordOf(jobId);
  assert.equal(state, 'failed');
  assert.deepEqual(
    attempts.map(({ nodeId }) => nodeId),
    nodes.slice(0, 3).map(({ nodeId }) => nodeId),
  );
});

test('[R1] a failure that is the fault of the request is not tried again', async (t) => {
  const { model, nodes } = await joinNodes(t, 2);
  const answer = askChat(pool, model);
  (await nodes[0].jobs.next()).fail('context_length_exceeded', 'Too long.');
  assert.deepEqual((await answer).code, 'context_length_exceeded');
  assert.equal(nodes[1].jobs.all.length, 0);
});

test('[R1] [R3] after output has been passed on the job fails, and its stream ends with an error event', async (t) => {
  const { model, nodes } = await joinNodes(t, 2);
  const answer = streamChat(pool, model);
  const job = await nodes[0].jobs.next();
  job.text('half ');
  job.fail('node_fault');
  assert.deepEqual(await answer, { status: 200, text: 'half ', end: 'node_fault' });
  assert.equal(nodes[1].jobs.all.length, 0);
});

test('[J2] [R1] a busy node is no failure of the job: another one takes it, and its attempt counts as the first', async (t) => {
  const { model, nodes } = await joinNodes(t, 2);
  const [busy, free] = nodes;
  const answer = askChat(pool, model);
  (await busy.jobs.next()).fail('node_busy');
  (await free.jobs.next()).done({ text: 'free' });
  const { content, jobId } = await answer;
  assert.equal(content, 'free');
  assert.deepEqual(
    (await recordOf(jobId)).attempts.map(({ nodeId }) => nodeId),
    [free.nodeId],
  );
});

test('[J2] [R1] the only node is asked again until it is not busy any more', async (t) => {
  const { model, nodes } = await joinNodes(t, 1);
  const answer = askChat(pool, model);
  for (let i = 0; i < 4; i++) (await nodes[0].jobs.next()).fail('node_busy');
  (await nodes[0].jobs.next()).done({ text: 'at last' });
  assert.equal((await answer).content, 'at last');
});

test('[R2] [S5] a node that vanishes is told apart from one that fails, and in both cases another one works', async (t) => {
  const { model, nodes } = await joinNodes(t, 3);
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
    (await recordOf(jobId)).attempts.map(({ problem }) => problem?.code),
    ['node_lost', 'node_fault', undefined],
  );
});

test('[R3] half an answer from a node that disconnects ends with an error event, not with silence', async (t) => {
  const { model, nodes } = await joinNodes(t, 1);
  const answer = streamChat(pool, model);
  const job = await nodes[0].jobs.next();
  job.text('half an ');
  await nodes[0].connection.flush();
  await nodes[0].close();
  assert.deepEqual(await answer, { status: 200, text: 'half an ', end: 'node_lost' });
});

for (const bytes of ['{"type":"text","te', '[]', 'null', '', '\u0000', '{"type":"text","seq":0}', '"done"']) {
  test(`[R5] a frame that is ${JSON.stringify(bytes)} ends its attempt and nothing else`, async (t) => {
    const { model, nodes } = await joinNodes(t, 2, { slots: 2 });
    const [broken, whole] = nodes;
    const unharmed = streamChat(pool, model);
    const other = await broken.jobs.next();
    other.text('un');
    await until(async () => (await health()).running === 1);
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
  const { model, nodes } = await joinNodes(t, 3);
  const answer = askChat(pool, model);
  (await nodes[0].jobs.next()).raw(Uint8Array.of(0x22, 0xff, 0x22));
  (await nodes[1].jobs.next()).send({ type: 'telepathy' });
  (await nodes[2].jobs.next()).done({ text: 'plain words' });
  const { content, jobId } = await answer;
  assert.equal(content, 'plain words');
  const { attempts } = await recordOf(jobId);
  assert.deepEqual(
    attempts.slice(0, 2).map(({ problem }) => problem?.code),
    ['protocol_violation', 'protocol_violation'],
  );
});

test('[J1] a node can hold its answer in a frame as large as a message may be', async (t) => {
  const { model, nodes } = await joinNodes(t, 1);
  const answer = askChat(pool, model);
  const text = 'é'.repeat(LIMITS.maxMessageBytes / 2 - 1_000);
  (await nodes[0].jobs.next()).done({ text });
  assert.equal((await answer).content, text);
  assert.ok(nodes[0].connection.info?.max_payload === LIMITS.maxMessageBytes);
  assert.ok(subjects.jobRequest(nodes[0].nodeId, 'llm').endsWith('.llm.request'));
});
