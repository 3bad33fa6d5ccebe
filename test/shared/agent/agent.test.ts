import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Agent } from '../../../shared/agent/agent.ts';
import { HANDOVER_MS } from '../../../shared/agent/hand-over.ts';
import type { Frame } from '../../../shared/protocol/messages.ts';
import { chatInput } from '../../support/models/pretended-model.ts';
import { confirm, IDENTITY, offer, openScriptedAgent, startScriptedAgent } from '../../support/nodes/scripted-agent.ts';
import { settled } from '../../support/pending-timers.ts';
import { isProblem } from '../../support/problems.ts';
import { SCRIPTED_NODE_ID } from '../../support/scripted-relay.ts';

/** `close` must come back by itself: no time passes, and nothing may be left waiting. */
async function assertClosesAtOnce(agent: Agent, pendingTimers: () => number): Promise<void> {
  const closed = agent.close().then(() => 'closed');
  assert.equal(await Promise.race([closed, settled().then(() => 'still closing')]), 'closed');
  assert.equal(await agent.ended, undefined);
  assert.equal(pendingTimers(), 0, 'a timer was left behind');
}

test('enrols with its key, its name and its token, and is ready once a session is open', async (t) => {
  const { agent, relay } = startScriptedAgent(t, { joinToken: 'secret' });
  const enrolment = await relay.enrolments.next();
  assert.equal(enrolment.authorization, 'Bearer secret');
  assert.equal(enrolment.body.publicKey, IDENTITY.publicKey);
  assert.equal(enrolment.body.name, 'attic');
  enrolment.accept();
  const line = await relay.lines.next();
  assert.equal(line.options.url, 'ws://relay.test/nats');
  assert.equal(line.options.nodeId, SCRIPTED_NODE_ID);
  assert.equal(line.options.inboxPrefix, `_INBOX_${SCRIPTED_NODE_ID}`);
  assert.equal(line.options.jwt(), 'jwt-1');
  line.accept();
  await settled();
  offer(line, { epoch: 1 });
  confirm(line, { epoch: 1 });
  assert.equal(await agent.ready, SCRIPTED_NODE_ID);
});

for (const [status, code] of [
  [401, 'invalid_api_key'],
  [403, 'insufficient_scope'],
] as const) {
  test(`is told which of its settings is wrong where its token is (${code})`, async (t) => {
    const { agent, relay } = startScriptedAgent(t, { joinToken: 'secret' });
    (await relay.enrolments.next()).refuse(status, code, 'Send `Authorization: Bearer KEY`.');
    const words = /^The join token is not the admin token of http:\/\/relay\.test, .*--join-token.*--pair CODE\.$/;
    isProblem(code, words)(await agent.ended);
  });
}

test('says why it has no session for as long as it has none', async (t) => {
  const { agent, relay, pass } = startScriptedAgent(t);
  assert.equal(agent.trouble(), undefined);
  (await relay.enrolments.next()).fail(REFUSED);
  await settled();
  assert.match(agent.trouble()?.message ?? '', /^Nothing listens at relay\.test/);
  await pass(250);
  (await relay.enrolments.next()).accept();
  const line = await relay.lines.next();
  line.accept();
  await settled();
  assert.equal(agent.trouble()?.code, 'relay_unreachable');
  offer(line, { epoch: 1 });
  confirm(line, { epoch: 1 });
  assert.equal(agent.trouble(), undefined);
  line.down();
  assert.equal(agent.trouble(), undefined, 'what is over is told no more');
});

const REFUSED = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
const TIMED_OUT = Object.assign(new Error('Connect Timeout Error'), { code: 'UND_ERR_CONNECT_TIMEOUT' });
const UP_TO_TEN = [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000];
const UP_TO_TWO = [250, 500, 1_000, 2_000, 2_000, 2_000];

for (const { name, error, waits, random = 0 } of [
  { name: 'does not answer, up to ten seconds', error: new TypeError('f', { cause: TIMED_OUT }), waits: UP_TO_TEN },
  { name: 'breaks off, up to ten seconds', error: new Error('socket hang up'), waits: UP_TO_TEN },
  { name: 'is not there, up to two seconds', error: new TypeError('f', { cause: REFUSED }), waits: UP_TO_TWO },
  { name: 'is not there by TLS, up to two seconds', error: REFUSED, waits: UP_TO_TWO },
  { name: 'a browser does not reach, up to two seconds', error: new TypeError('Failed to fetch'), waits: UP_TO_TWO },
  { name: 'is not there, by chance half as long', error: REFUSED, waits: [125, 250, 500, 1_000, 1_000], random: 1 },
]) {
  test(`[P18] waits twice as long each time for a relay that ${name}`, async (t) => {
    const { relay, pass } = startScriptedAgent(t, { random: () => random });
    for (const waitMs of waits) {
      (await relay.enrolments.next()).fail(error);
      await settled();
      const asked = relay.enrolments.all.length;
      await pass(waitMs - 1);
      assert.equal(relay.enrolments.all.length, asked, `it asked again before ${waitMs} ms`);
      await pass(1);
      assert.equal(relay.enrolments.all.length, asked + 1);
    }
  });
}

test('says that its relay is away once, again after a minute, and at once what is new', async (t) => {
  const { relay, log, pass } = startScriptedAgent(t);
  const fail = async (tries: number): Promise<void> => {
    for (let i = 0; i < tries; i += 1) {
      (await relay.enrolments.next()).fail(REFUSED);
      await settled();
      await pass(2_000);
    }
  };
  await fail(30);
  assert.deepEqual(log.lines, [
    'warn Nothing listens at relay.test (ECONNREFUSED). Is the relay of http://relay.test running, and on this port? This node goes on trying.',
  ]);
  await fail(4);
  assert.equal(log.lines.length, 2);
  (await relay.enrolments.next()).respond(new Response('Bad gateway', { status: 502 }));
  await settled();
  assert.match(log.lines.at(-1) ?? '', /status 502/);
});

test('says why its line does not come back, once, again after a minute, and anew after a session', async (t) => {
  const { relay, log, pass, line } = await openScriptedAgent(t);
  const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
  const told = (): string[] => log.lines.filter((one) => one.startsWith('warn Nothing listens at relay.test'));
  const fail = async (tries: number): Promise<void> => {
    for (let i = 0; i < tries; i += 1) {
      line.options.onFailed?.(refused);
      await pass(2_000);
    }
  };
  await fail(31);
  assert.equal(told().length, 1);
  await fail(4);
  assert.equal(told().length, 2);
  confirm(line, { epoch: 5 });
  await fail(1);
  assert.equal(told().length, 3);
  assert.equal(relay.enrolments.all.length, 1);
});

test('says of a first line that does not come up what stands against it, once', async (t) => {
  const { relay, log, pass } = startScriptedAgent(t);
  for (let tries = 0; tries < 3; tries += 1) {
    (await relay.enrolments.next()).accept();
    const line = await relay.lines.next();
    line.options.onFailed?.(new Error('Unexpected server response: 503'));
    line.refuse(new Error('503'));
    await settled();
    await pass(2_000);
  }
  assert.equal(log.lines.filter((one) => one.endsWith('This node goes on trying.')).length, 1, log.lines.join('\n'));
});

test('waits longer each time too when it may enrol but never gets a session', async (t) => {
  const { relay, pass } = startScriptedAgent(t);
  for (const waitMs of [250, 500, 1_000]) {
    (await relay.enrolments.next()).accept();
    (await relay.lines.next()).refuse(new Error('503'));
    await settled();
    const asked = relay.enrolments.all.length;
    await pass(waitMs - 1);
    assert.equal(relay.enrolments.all.length, asked);
    await pass(1);
    assert.equal(relay.enrolments.all.length, asked + 1);
  }
});

test('tries again soon when a session that was open has ended', async (t) => {
  const { relay, pass, connect } = startScriptedAgent(t);
  (await relay.enrolments.next()).fail(new Error('down'));
  await settled();
  await pass(250);
  const line = await connect();
  offer(line, { epoch: 1 });
  confirm(line, { epoch: 1 });
  line.end(new Error('kicked out'));
  await settled();
  await pass(250);
  assert.equal(relay.enrolments.all.length, 3);
});

for (const answer of [
  { name: 'a page of somebody else', response: () => new Response('<html>hello</html>') },
  { name: 'an error of a proxy', response: () => new Response('Bad gateway', { status: 502 }) },
  { name: 'nothing', response: () => new Response('') },
  {
    name: 'a problem that only passes',
    response: () => Response.json({ code: 'draining', detail: 'Wait.' }, { status: 503 }),
  },
  {
    name: 'a problem of a later version',
    response: () => Response.json({ code: 'novelty', detail: '?' }, { status: 400 }),
  },
]) {
  test(`tries again when the relay answers with ${answer.name}`, async (t) => {
    const { relay, pass } = startScriptedAgent(t);
    (await relay.enrolments.next()).respond(answer.response());
    await settled();
    await pass(250);
    assert.equal(relay.enrolments.all.length, 2);
  });
}

test('ends when the relay refuses it, with the reason, and closes its runtime', async (t) => {
  const { agent, relay, runtime, time } = startScriptedAgent(t);
  const { ready } = agent;
  (await relay.enrolments.next()).refuse(403, 'pairing_required', 'Bring a token.');
  await assert.rejects(ready, isProblem('pairing_required', /Bring a token/));
  assert.equal((await agent.ended)?.code, 'pairing_required');
  assert.equal(runtime.isClosed, true);
  assert.equal(time.pending(), 0);
});

test('gives a relay that accepts the request but never answers ten seconds, then tries again', async (t) => {
  const { relay, pass } = startScriptedAgent(t);
  const enrolment = await relay.enrolments.next();
  await pass(9_999);
  assert.equal(enrolment.signal.aborted, false);
  await pass(1);
  assert.equal(enrolment.signal.aborted, true);
  await pass(250);
  assert.equal(relay.enrolments.all.length, 2);
});

test('gives a relay that stops in the middle of its answer no longer than one that never begins', async (t) => {
  const { relay, pass } = startScriptedAgent(t);
  const { signal, respond } = await relay.enrolments.next();
  const body = new ReadableStream({
    start: (controller) => {
      controller.enqueue(new TextEncoder().encode('{"nodeId":'));
      signal.addEventListener('abort', () => controller.error(signal.reason));
    },
  });
  respond(new Response(body));
  await settled();
  await pass(10_000);
  assert.equal(signal.aborted, true);
  await pass(250);
  assert.equal(relay.enrolments.all.length, 2);
});

test('[I5] asks for new credentials when two thirds of their life are over, and uses them from then on', async (t) => {
  const { relay, pass } = startScriptedAgent(t);
  (await relay.enrolments.next()).accept({ jwt: 'first', expiresAt: 300 });
  const line = await relay.lines.next();
  line.accept();
  await settled();
  await pass(199_999);
  assert.equal(relay.enrolments.all.length, 1);
  await pass(1);
  const renewal = await relay.enrolments.next();
  assert.equal(line.options.jwt(), 'first');
  renewal.accept({ jwt: 'second', expiresAt: 500 });
  await settled();
  assert.equal(line.options.jwt(), 'second');
  await pass(200_000);
  assert.equal(relay.enrolments.all.length, 3, 'the new ones last 300 s as well');
});

test('[I5] connects anew with new credentials in the first moment without a job', async (t) => {
  const { relay, runtime, pass } = startScriptedAgent(t);
  (await relay.enrolments.next()).accept({ expiresAt: 300 });
  const line = await relay.lines.next();
  line.accept();
  await settled();
  await offer(line, { epoch: 5 }).next();
  const request = { job: 'job_1', attempt: 1, epoch: 5, model: 'm', timeoutMs: 600_000, type: 'llm', stream: true };
  line.say(`node.${SCRIPTED_NODE_ID}.llm.request`, { ...request, input: chatInput('x') });
  const run = await runtime.runs.next();
  await pass(200_000);
  (await relay.enrolments.next()).accept({ expiresAt: 2 ** 31 });
  await settled();
  await pass(90_000);
  assert.equal(line.reconnects, 0, 'a job runs');
  run.finish();
  await settled();
  await pass(250);
  assert.equal(line.reconnects, 1);
  await pass(10_000);
  assert.equal(line.reconnects, 1);
});

test('[I5] tries a renewal that failed again before the credentials expire', async (t) => {
  const { relay, pass } = startScriptedAgent(t);
  (await relay.enrolments.next()).accept({ jwt: 'first', expiresAt: 300 });
  const line = await relay.lines.next();
  line.accept();
  await settled();
  await pass(200_000);
  (await relay.enrolments.next()).fail(new Error('the relay is away'));
  await settled();
  await pass(99_999);
  assert.ok(relay.enrolments.all.length > 2, 'it did not try again in time');
  relay.enrolments.all.at(-1)?.accept({ jwt: 'second', expiresAt: 600 });
  await settled();
  assert.equal(line.options.jwt(), 'second');
});

test('closes at once while it enrols', async (t) => {
  const { agent, relay, time } = startScriptedAgent(t);
  const { ready } = agent;
  const enrolment = await relay.enrolments.next();
  await assertClosesAtOnce(agent, time.pending);
  assert.equal(enrolment.signal.aborted, true);
  await assert.rejects(ready, { code: 'cancelled' });
});

test('closes at once while it waits for its next try', async (t) => {
  const { agent, relay, time } = startScriptedAgent(t);
  (await relay.enrolments.next()).fail(new Error('down'));
  await settled();
  assert.equal(time.pending(), 1);
  await assertClosesAtOnce(agent, time.pending);
});

test('closes at once while it connects', async (t) => {
  const { agent, relay, time, runtime } = startScriptedAgent(t);
  (await relay.enrolments.next()).accept();
  await relay.lines.next();
  await assertClosesAtOnce(agent, time.pending);
  assert.equal(runtime.isClosed, true);
});

test('closes at once between its connection and its session', async (t) => {
  const { agent, connect, time } = startScriptedAgent(t);
  const line = await connect();
  await assertClosesAtOnce(agent, time.pending);
  assert.equal(line.isClosed, true);
});

test('closes at once with its session open and a renewal under way', async (t) => {
  const { agent, relay, time, pass } = startScriptedAgent(t);
  (await relay.enrolments.next()).accept({ expiresAt: 300 });
  const line = await relay.lines.next();
  line.accept();
  await settled();
  await pass(200_000);
  await relay.enrolments.next();
  await assertClosesAtOnce(agent, time.pending);
  assert.equal(line.isClosed, true);
});

const saidBy = (frame: Frame): unknown[] =>
  frame.type === 'error' ? [frame.type, frame.problem.code] : [frame.type, 'text' in frame ? frame.text : undefined];

test('[O11] closes in the middle of a job, which is handed back, and takes no other meanwhile', async (t) => {
  const { agent, time, start, ask, runtime } = await openScriptedAgent(t);
  const { run, frames } = await start();
  run.output.text('half', 1);
  const closed = agent.close();
  assert.equal(run.signal.aborted, true);
  const { frames: others } = ask();
  await settled();
  assert.deepEqual(others.map(saidBy), [['error', 'node_busy']]);
  run.fail(run.signal.reason);
  await closed;
  await settled();
  assert.deepEqual(frames.slice(-2).map(saidBy), [
    ['text', 'half'],
    ['error', 'handed_back'],
  ]);
  assert.equal(time.pending(), 0);
  assert.equal(runtime.isClosed, true);
});

test('[O11] waits for a job that does not end for a moment, and lets nobody hear of it from then on', async (t) => {
  const { agent, time, start, pass, runtime, line } = await openScriptedAgent(t);
  const { run, frames } = await start();
  const closed = agent.close();
  await pass(HANDOVER_MS - 1);
  assert.equal(line.isClosed, false);
  await pass(1);
  const said = frames.length;
  run.output.text('late', 1);
  run.fail(run.signal.reason);
  await closed;
  await settled();
  assert.equal(frames.length, said);
  assert.equal(time.pending(), 0);
  assert.equal(runtime.isClosed, true);
});

test('can be closed twice, and after it has ended by itself', async (t) => {
  const { agent, relay } = startScriptedAgent(t);
  (await relay.enrolments.next()).refuse(403, 'pairing_required');
  await agent.ended;
  await agent.close();
  await agent.close();
});
