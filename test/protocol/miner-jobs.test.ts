import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { MinerHeard } from '../../shared/api/miners.ts';
import type { NodeDetails } from '../../shared/api/nodes.ts';
import { LIMITS } from '../../shared/protocol/limits.ts';
import type { JobRequest } from '../../shared/protocol/messages.ts';
import { afterTest } from '../support/after-test.ts';
import { askChat, chatCall, recordOf, streamChat } from '../support/ask-pool.ts';
import {
  beginChat,
  joinMiner,
  minerModel,
  named,
  postMiner,
  registration,
  type ScriptedMiner,
  USAGE,
} from '../support/nodes/miner.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { createScriptedRuntime } from '../support/runtimes/scripted-runtime.ts';
import { until } from '../support/until.ts';

let pool: Pool;
before(async () => {
  pool = await startPool();
});
after(() => pool.close());

async function nodeOf(nodeId: string): Promise<NodeDetails> {
  return (await (await pool.request(`/v1/nodes/${nodeId}`)).json()) as NodeDetails;
}

const HUGE = { inputTokens: 1e300, outputTokens: 1 };

test('[M5] a poll without a job is answered with 204, and one that waits gets the next job', async (t) => {
  const model = minerModel();
  const miner = await joinMiner(t, pool.relay, { models: [model] });
  assert.equal((await miner.poll(0)).status, 204);
  assert.equal((await miner.poll(20)).status, 204);
  const job = miner.fetch();
  const answer = askChat(pool, model.name);
  await miner.answer(await job, 'here');
  assert.equal((await answer).content, 'here');
});

test('[M5] a job that its miner does not fetch goes to another, as no attempt, and no other comes until it polls', async (t) => {
  const model = minerModel();
  const idle = await joinMiner(t, pool.relay, { models: [model], name: 'idle' });
  const answer = askChat(pool, model.name);
  await until(async () => (await nodeOf(idle.nodeId)).slots.used === 1);
  const busy = await joinMiner(t, pool.relay, { models: [model], name: 'busy' });
  await busy.answer(await busy.fetch(), 'done');
  const { content, jobId } = await answer;
  assert.equal(content, 'done');
  const { attempts } = await recordOf(pool, jobId);
  assert.deepEqual(
    attempts.map(({ nodeId }) => nodeId),
    [busy.nodeId],
  );
  assert.equal((await nodeOf(idle.nodeId)).slots.total, 0);
  // A program whose threads are stuck may well say that it lives.
  await idle.say('heartbeat');
  await idle.poll(0);
  await until(async () => (await nodeOf(idle.nodeId)).slots.total === 2);
});

test('[M6] pieces are passed on at once and in order; one that comes again changes nothing', async (t) => {
  const model = minerModel();
  const miner = await joinMiner(t, pool.relay, { models: [model] });
  const { call, request } = await beginChat(pool, miner, model.name, true);
  const piece = (seq: number, text: string) => miner.say('result', { ...named(request), partial: true, seq, text });
  assert.equal((await piece(0, 'one ')).status, 200);
  // The head comes with the first text, while the attempt still runs.
  const response = await call;
  assert.equal((await piece(0, 'one ')).status, 200);
  assert.deepEqual([(await piece(2, 'three')).status, (await piece(1, 'two ')).status], [400, 200]);
  await miner.answer(request, 'three');
  const text = await response.text();
  const said = [...text.matchAll(/"content":"([^"]*)"/g)].map(([, content]) => content).join('');
  assert.equal(said, 'one two three');
});

test('[M6] a piece that is too large for a message is refused, and may come again smaller', async (t) => {
  const model = minerModel();
  const miner = await joinMiner(t, pool.relay, { models: [model] });
  const { call, request } = await beginChat(pool, miner, model.name, true);
  const piece = (text: string) => miner.say('result', { ...named(request), partial: true, seq: 0, text });
  const { status, body } = await piece('x'.repeat(LIMITS.maxMessageBytes));
  assert.deepEqual([status, body.code], [413, 'body_too_large']);
  assert.equal((await piece('one ')).status, 200);
  await miner.answer(request, 'two');
  const text = await (await call).text();
  assert.equal([...text.matchAll(/"content":"([^"]*)"/g)].map(([, content]) => content).join(''), 'one two');
});

test('[M7] a word about an attempt that is over is refused and counted, a result that does not fit is asked for again', async (t) => {
  const model = minerModel();
  const miner = await joinMiner(t, pool.relay, { models: [model] });
  const stale = async () => {
    const headers = { authorization: `Bearer ${pool.relay.adminToken}` };
    const text = await (await pool.request('/metrics', { headers })).text();
    return Number(/^sparewatt_\w*stale\w* (\d+)/m.exec(text)?.[1]);
  };
  const before = await stale();
  const { call, request } = await beginChat(pool, miner, model.name);
  const misfits = [
    { vectors: [[1]], usage: USAGE },
    { text: 'no usage' },
    { text: 'x', usage: HUGE },
    { partial: true, text: 'no number' },
  ];
  for (const misfit of misfits) {
    assert.equal((await miner.say('result', { ...named(request), ...misfit })).status, 400);
  }
  const other = { ...request, attempt: 2 };
  const late = async (said: JobRequest) => (await miner.answer(said, 'late')).body.code;
  assert.equal(await late(other), 'attempt_over');
  assert.equal(await late({ ...request, epoch: request.epoch + 1 }), 'stale_epoch');
  await miner.answer(request, 'in time');
  assert.equal((await call).status, 200);
  assert.equal(await late(request), 'attempt_over');
  assert.equal((await miner.say('fail', { ...named(request), message: 'Late.' })).status, 409);
  await miner.say('register', registration({ models: [model] }));
  assert.equal(await late(request), 'stale_epoch');
  assert.equal(await stale(), before + 5);
});

test('[M8] a failure moves on to another node when the miner says it may, and ends the job when not', async (t) => {
  const model = minerModel();
  const miners = [
    await joinMiner(t, pool.relay, { models: [model] }),
    await joinMiner(t, pool.relay, { models: [model] }),
  ];
  const [first, second] = miners as [ScriptedMiner, ScriptedMiner];
  const jobs = miners.map(async (miner) => ({ miner, request: await miner.fetch() }));
  const moved = askChat(pool, model.name);
  const failed = await Promise.race(jobs);
  await failed.miner.say('fail', { ...named(failed.request), message: 'The card is too hot.' });
  const [other] = (await Promise.all(jobs)).filter(({ miner }) => miner !== failed.miner);
  assert.ok(other);
  await other.miner.answer(other.request, 'cool');
  assert.equal((await moved).content, 'cool');

  const ended = askChat(pool, model.name);
  const next = await Promise.race([first.poll(), second.poll()].map(async (poll) => (await poll).work.request));
  assert.ok(next);
  for (const miner of miners)
    await miner.say('fail', { ...named(next), message: 'It is not a picture.', retry: false });
  const { status, code, jobId } = await ended;
  assert.deepEqual([status, code], [422, 'job_failed']);
  assert.equal((await recordOf(pool, jobId)).attempts.length, 1);
});

test('[M9] a cancelled attempt is over at once, and its miner hears of it by poll and heartbeat', async (t) => {
  const model = minerModel();
  const miner = await joinMiner(t, pool.relay, { models: [model] });
  const hangUp = new AbortController();
  const call = pool.request('/v1/chat/completions', { ...chatCall(model.name, false), signal: hangUp.signal });
  const request = await miner.fetch();
  const held = miner.poll();
  hangUp.abort();
  await assert.rejects(call);
  const { work } = await held;
  assert.deepEqual(work, { request: null, cancel: [named(request)] });
  const heard = (await miner.say('heartbeat')).body as MinerHeard;
  assert.deepEqual(heard.cancel, [named(request)]);
  assert.equal((await miner.poll(0)).status, 204, 'what was told does not end every poll');
  assert.equal((await miner.answer(request, 'late')).status, 409);
});

test('[M13] several answers, probabilities and raw texts are refused before a miner is asked, and come from another node', async (t) => {
  const model = minerModel();
  const miner = await joinMiner(t, pool.relay, { models: [model] });
  const ask = async (more: object) => {
    const body = JSON.stringify({ model: model.name, messages: [{ role: 'user', content: 'x y' }], ...more });
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    const response = await pool.request('/v1/chat/completions', init);
    return {
      status: response.status,
      body: (await response.json()) as { code: string; choices: object[]; error: object },
    };
  };
  for (const [param, more] of Object.entries({ n: { n: 2 }, logprobs: { logprobs: true, stream: true } })) {
    const { status, body } = await ask(more);
    assert.deepEqual(
      [status, body.code, (body.error as { param: string }).param],
      [400, 'unsupported_parameter', param],
    );
  }
  const raw = JSON.stringify({ model: model.name, prompt: 'x y' });
  const headers = { 'content-type': 'application/json' };
  const refused = await pool.request('/v1/completions', { method: 'POST', headers, body: raw });
  const { error } = (await refused.json()) as { error: { param: string } };
  assert.deepEqual([refused.status, error.param], [400, 'prompt']);
  assert.equal((await miner.poll(0)).status, 204);
  const runtime = createScriptedRuntime({
    [model.name]: (_job, output) => {
      for (const choice of [0, 1]) output.text(`answer ${choice}`, 1, { choice });
      return 'stop';
    },
  });
  const { agent } = await pool.addNode({ name: 'gives-two', runtime });
  const { status, body } = await ask({ n: 2 });
  assert.deepEqual([status, body.choices.length], [200, 2]);
  assert.equal((await pool.request('/v1/completions', { method: 'POST', headers, body: raw })).status, 200);
  assert.equal((await miner.poll(0)).status, 204);
  await agent.close();
});

test('[M4] a miner that the relay has lost, here by its own restart, is back with its next request', async (t) => {
  const first = await startPool();
  const model = minerModel();
  const miner = await joinMiner(t, first.relay, { models: [model] });
  const { dataFolder } = first;
  await first.relay.close();
  const second = await startPool({ dataFolder });
  afterTest(t, () => first.close());
  afterTest(t, () => second.close());
  const headers = { authorization: `Bearer ${miner.token}` };
  const heard = await postMiner(second.relay, 'heartbeat', {}, headers);
  assert.deepEqual([heard.status, heard.body.state], [200, 'active']);
  const poll = postMiner(second.relay, 'poll', { waitMs: 10_000 }, headers);
  await until(() => second.relay.models().includes(model.name));
  const text = streamChat(second, model.name);
  const { request } = (await poll).body as { request: JobRequest };
  await postMiner(second.relay, 'result', { ...named(request), text: 'still here', usage: USAGE }, headers);
  assert.equal((await text).text, 'still here');
});
