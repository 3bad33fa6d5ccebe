import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { LIMITS } from '../../shared/protocol/limits.ts';
import { askChat, askVectors, chatCall, loadOf, recordOf, streamChat } from '../support/ask-pool.ts';
import { vectorsFrame } from '../support/nodes/scripted-node.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { joinNodes } from '../support/scripted-pool.ts';
import { until } from '../support/until.ts';

let pool: Pool;
before(async () => {
  pool = await startPool();
});
after(() => pool.close());

test('[J1] a request goes to the subject of its node and type, with a reply subject and what the node must know', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 1);
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
  const { model, nodes } = await joinNodes(t, pool, 1);
  const answer = streamChat(pool, model);
  const job = await nodes[0].jobs.next();
  job.text('no ');
  job.text('ceremony');
  job.done();
  assert.deepEqual(await answer, { status: 200, text: 'no ceremony', end: '[DONE]' });
});

test('[J4] a node that sends nothing within the time to accept is given up, cancelled, and another one asked', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 2);
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
  assert.equal((await recordOf(pool, jobId)).attempts[0]?.problem?.code, 'node_lost');
});

for (const { name, seqs } of [
  { name: 'a gap', seqs: [0, 2] },
  { name: 'a repetition', seqs: [0, 0] },
  { name: 'a first frame that is not frame 0', seqs: [1] },
]) {
  test(`[J5] ${name} ends the attempt with protocol_violation, and the job moves on if nothing came out yet`, async (t) => {
    const { model, nodes } = await joinNodes(t, pool, 2);
    const [wrong, right] = nodes;
    const answer = askChat(pool, model);
    const job = await wrong.jobs.next();
    for (const seq of seqs) job.send({ type: 'accepted', seq });
    assert.equal((await wrong.cancels.next()).job, job.request.job);
    (await right.jobs.next()).done({ text: 'right' });
    const { content, jobId } = await answer;
    assert.equal(content, 'right');
    assert.equal((await recordOf(pool, jobId)).attempts[0]?.problem?.code, 'protocol_violation');
  });
}

test('[J5] a last frame out of order is no answer either', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 1);
  const answer = streamChat(pool, model);
  const job = await nodes[0].jobs.next();
  job.text('a');
  job.done({ seq: 2 });
  assert.deepEqual(await answer, { status: 200, text: 'a', end: 'protocol_violation' });
});

test('[J6] frames of another epoch change nothing', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 1);
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
  const { model, nodes } = await joinNodes(t, pool, 1);
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
  const { model, nodes } = await joinNodes(t, pool, 1);
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
  const { model, nodes } = await joinNodes(t, pool, 1);
  const [node] = nodes;
  const client = new AbortController();
  const abandoned = pool.request('/v1/chat/completions', { ...chatCall(model, false), signal: client.signal });
  const job = await node.jobs.next();
  job.send({ type: 'accepted' });
  client.abort();
  await assert.rejects(abandoned);
  assert.deepEqual(await node.cancels.next(), { job: job.request.job, attempt: 1, epoch: job.request.epoch });

  const next = askChat(pool, model);
  await until(async () => (await loadOf(pool)).waiting === 1);
  assert.equal(node.jobs.all.length, 1);
  job.fail('cancelled');
  (await node.jobs.next()).done({ text: 'my turn' });
  assert.equal((await next).content, 'my turn');
});

test('[J11] vectors that come in order and in their size are the answer', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 1, { type: 'embed' });
  const answer = askVectors(pool, model, ['a', 'b', 'c']);
  const job = await nodes[0].jobs.next();
  job.send(vectorsFrame(0, 2, 2, 4));
  job.send(vectorsFrame(2, 1, 2, 2));
  job.done();
  assert.equal((await answer).status, 200);
});

for (const { name, frames } of [
  { name: 'fewer floats than it says', frames: [vectorsFrame(0, 2, 2, 3)] },
  { name: 'more floats than it says', frames: [vectorsFrame(0, 2, 2, 5)] },
  { name: 'vectors out of order', frames: [vectorsFrame(1, 1, 2, 2), vectorsFrame(0, 1, 2, 2)] },
  { name: 'a vector twice', frames: [vectorsFrame(0, 1, 2, 2), vectorsFrame(0, 1, 2, 2)] },
  { name: 'a vector too few', frames: [vectorsFrame(0, 1, 2, 2)] },
  { name: 'a vector too many', frames: [vectorsFrame(0, 3, 2, 6)] },
  { name: 'vectors of two lengths', frames: [vectorsFrame(0, 1, 2, 2), vectorsFrame(1, 1, 3, 3)] },
]) {
  test(`[J11] ${name} is no answer: the client hears of it and the record calls it a failure`, async (t) => {
    const { model, nodes } = await joinNodes(t, pool, 1, { type: 'embed' });
    const answer = askVectors(pool, model, ['a', 'b']);
    const job = await nodes[0].jobs.next();
    for (const frame of frames) job.send(frame);
    job.done();
    assert.equal((await answer).status, 502);
    const record = await recordOf(pool, job.request.job);
    assert.equal(record.state, 'failed');
    assert.equal(record.attempts[0]?.problem?.code, 'protocol_violation');
  });
}

test('[J1] a node can hold its answer in a frame as large as a message may be', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 1);
  const answer = askChat(pool, model);
  const text = 'é'.repeat(LIMITS.maxMessageBytes / 2 - 1_000);
  (await nodes[0].jobs.next()).done({ text });
  assert.equal((await answer).content, text);
});

for (const [name, frame] of [
  ['another choice', { type: 'text', choice: 1, text: 'second', tokens: 1 }],
  ['a call where there are no tools', { type: 'tool_call', index: 0, name: 'f', arguments: '', tokens: 1 }],
] as const) {
  test(`[R6] ${name} ends the attempt with protocol_violation, and the job moves on if nothing came out yet`, async (t) => {
    const { model, nodes } = await joinNodes(t, pool, 2);
    const [wrong, right] = nodes;
    const answer = askChat(pool, model);
    (await wrong.jobs.next()).send(frame);
    (await right.jobs.next()).done({ text: 'right' });
    const { content, jobId } = await answer;
    assert.equal(content, 'right');
    assert.equal((await recordOf(pool, jobId)).attempts[0]?.problem?.code, 'protocol_violation');
  });
}

test('[J1] a node that answers one job without an end is given up before it fills the memory', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 1);
  const headers = { authorization: `Bearer ${pool.relay.apiKey}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'x' }] });
  const answering = pool.request('/v1/chat/completions', { method: 'POST', headers, body });
  const job = await nodes[0].jobs.next();
  const much = 'x'.repeat(LIMITS.maxMessageBytes - 1_024);
  for (let sent = 0; sent < 18; sent++) {
    job.text(much, 1);
    await nodes[0].connection.flush();
    // So much takes a busy machine longer than a lease.
    nodes[0].beat();
  }
  job.done();
  const answer = await answering;
  const { code } = (await answer.json()) as { code?: string };
  assert.deepEqual([answer.status, code], [502, 'protocol_violation']);
});

test('[J12] pieces of several choices and of calls are put together by the choice and the call they name', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 1);
  const tools = [{ type: 'function', function: { name: 'f' } }];
  const body = { ...JSON.parse(String(chatCall(model, false).body)), n: 2, tools };
  const answer = pool.request('/v1/chat/completions', { ...chatCall(model, false), body: JSON.stringify(body) });
  const job = await nodes[0].jobs.next();
  assert.equal(job.request.type === 'llm' && job.request.stream, true, 'pieces cannot all travel in the last frame');
  job.send({ type: 'text', text: 'one ', tokens: 1 });
  job.send({ type: 'text', choice: 1, text: 'two', tokens: 1 });
  job.send({ type: 'tool_call', index: 0, name: 'f', arguments: '{"a', tokens: 1 });
  job.send({ type: 'tool_call', choice: 1, index: 0, name: 'f', arguments: '{}', tokens: 1 });
  job.send({ type: 'tool_call', index: 0, arguments: '":1}', tokens: 1 });
  job.done({ finishReason: 'tool_calls', finishReasons: ['tool_calls', 'length'] });
  const { choices } = (await (await answer).json()) as { choices: { message: Message; finish_reason: string }[] };
  type Message = { content: string; tool_calls: { function: { arguments: string } }[] };
  assert.deepEqual(
    choices.map(({ message, finish_reason }) => [
      message.content,
      message.tool_calls[0]?.function.arguments,
      finish_reason,
    ]),
    [
      ['one ', '{"a":1}', 'tool_calls'],
      ['two', '{}', 'length'],
    ],
  );
});
