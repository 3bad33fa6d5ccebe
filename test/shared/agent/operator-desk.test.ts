import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createJobRunner } from '../../../shared/agent/job-runner.ts';
import { createOperatorDesk } from '../../../shared/agent/operator-desk.ts';
import { createSlots } from '../../../shared/agent/slots.ts';
import type { NodePolicy } from '../../../shared/policy/node-policy.ts';
import { createOwnerPolicy } from '../../../shared/policy/owner-policy.ts';
import { encodeJson, messageReader } from '../../../shared/protocol/codec.ts';
import { type OperatorAnswer, OperatorReport } from '../../../shared/protocol/operator.ts';
import { createInbox } from '../../support/inbox.ts';
import { settled } from '../../support/pending-timers.ts';
import { silentLog } from '../../support/pool.ts';
import { createSyntheticRuntime } from '../../support/runtimes/synthetic-runtime.ts';

const readReport = messageReader(OperatorReport, 'report');

function open(policy: NodePolicy = {}, now = Date.now) {
  const runtime = createSyntheticRuntime();
  const state = { epoch: 3 };
  const slots = createSlots(2);
  const jobs = createJobRunner({
    runtime,
    slots,
    policy: createOwnerPolicy({ policy, now: Date.now }),
    epoch: () => state.epoch,
    now,
    log: silentLog,
  });
  const desk = createOperatorDesk({
    nodeId: () => 'attic',
    jobs,
    epoch: () => state.epoch,
    models: runtime.models,
    now,
    randomId: () => crypto.randomUUID(),
  });
  const told = createInbox<OperatorReport>();
  const publish = (subject: string, data: Uint8Array): void => {
    assert.equal(subject, 'fabric.result.attic');
    told.push(JSON.parse(new TextDecoder().decode(data)) as OperatorReport);
  };
  const ask = (payload: unknown) => {
    const answer = Promise.withResolvers<OperatorAnswer>();
    desk.handle('llm', encodeJson(payload), (data) => {
      answer.resolve(JSON.parse(new TextDecoder().decode(data)) as OperatorAnswer);
    });
    return answer.promise;
  };
  return { desk, jobs, slots, state, told, publish, ask };
}

test('[K11] tells a report again until it is confirmed, under the epoch of the session in which it is told', async () => {
  const { desk, state, told, publish, ask } = open();
  desk.report(publish);
  const { job_id } = await ask({ model: 'test/noop', prompt: 'x' });
  const first = await told.next();
  assert.deepEqual([first.job, first.epoch, first.ranUnder], [job_id, 3, 3]);

  state.epoch = 0;
  desk.report(publish);
  assert.equal(told.all.length, 1);
  state.epoch = 4;
  desk.report(publish);
  const second = await told.next();
  assert.deepEqual([second.job, second.epoch, second.ranUnder], [job_id, 4, 3]);

  desk.kept(encodeJson({ job: job_id }));
  desk.report(publish);
  assert.equal(told.all.length, 2);
});

test('[K11] a report that a clock was set back under is one that the relay can read', async () => {
  let at = 10_000_000;
  const { desk, told, publish, ask } = open({}, () => {
    at -= 1_000;
    return at;
  });
  desk.report(publish);
  const answer = await ask({ model: 'test/noop', prompt: 'x' });
  const { totalMs } = readReport(encodeJson(await told.next()));
  assert.ok(answer.status === 'ok');
  assert.deepEqual([answer.latency_ms, totalMs], [0, 0]);
});

test('[K11] a node that has much to tell keeps the last thousand reports', async () => {
  const { desk, told, publish, ask } = open();
  const jobs: string[] = [];
  for (let i = 0; i < 1_002; i++) jobs.push((await ask({ model: 'test/noop', prompt: 'x' })).job_id);
  desk.report(publish);
  assert.deepEqual(
    told.all.map(({ job }) => job),
    jobs.slice(2),
  );
});

test('[K11] work that fails is reported, also before its first word', async () => {
  const { desk, told, publish, ask } = open();
  desk.report(publish);
  for (const model of ['test/failing', 'test/breaking']) {
    const answer = await ask({ model, prompt: 'x' });
    const { job, outcome } = await told.next();
    assert.deepEqual([job, outcome.state, answer.status], [answer.job_id, 'failed', 'error']);
  }
});

test('[K10] without a session nothing runs', async () => {
  const { state, slots, ask } = open();
  state.epoch = 0;
  const answer = await ask({ model: 'test/noop', prompt: 'x' });
  assert.equal('error' in answer && answer.error.code, 'stale_epoch');
  assert.equal(slots.used(), 0);
});

test('[O2] a program of the operator is refused like the relay, with the reason and without a report', async () => {
  const { desk, told, publish, ask } = open({ services: { deny: ['llm'] } });
  desk.report(publish);
  const answer = await ask({ model: 'test/echo', prompt: 'a secret' });
  assert.ok('error' in answer);
  assert.equal(answer.error.code, 'policy_refused');
  assert.equal(answer.error.message, 'This node does not run llm jobs.');
  assert.equal(told.all.length, 0);
});

test('[K9] whoever waits when the session ends is told so, once', async () => {
  const { desk, jobs, slots, ask } = open();
  const waiting = ask({ model: 'test/stuck', prompt: 'x' });
  assert.equal(slots.used(), 1);
  jobs.abandonAll('The session is over.');
  desk.abandonAll('The session is over.');
  const answer = await waiting;
  assert.equal('error' in answer && answer.error.code, 'node_lost');
});

test('[K9] a job that ends after its program was told that the session is over answers no second time', async () => {
  const { desk, told, publish } = open();
  desk.report(publish);
  const answers: Uint8Array[] = [];
  desk.handle('llm', encodeJson({ model: 'test/noop', prompt: 'x' }), (data) => void answers.push(data));
  desk.abandonAll('The session is over.');
  await told.next();
  await settled();
  assert.equal(answers.length, 1);
});

test('[K9] an answer that is too large for the bus becomes a refusal that says so', async () => {
  const { desk } = open();
  const answers: Uint8Array[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  desk.handle('llm', encodeJson({ model: 'test/echo', prompt: 'long '.repeat(100) }), (data) => {
    if (data.length > 400) throw new Error('MAX_PAYLOAD_EXCEEDED');
    answers.push(data);
    resolve();
  });
  await promise;
  const [answer] = answers.map((data) => JSON.parse(new TextDecoder().decode(data)) as OperatorAnswer);
  assert.equal(answer !== undefined && 'error' in answer && answer.error.code, 'body_too_large');
});

test('[K9] a bus that takes not even the refusal keeps no other from hearing that the session is over', async () => {
  const { desk, jobs, ask } = open();
  desk.handle('llm', encodeJson({ model: 'test/stuck', prompt: 'x' }), () => {
    throw new Error('MAX_PAYLOAD_EXCEEDED');
  });
  const waiting = ask({ model: 'test/stuck', prompt: 'y' });
  jobs.abandonAll('The session is over.');
  desk.abandonAll('The session is over.');
  const answer = await waiting;
  assert.equal('error' in answer && answer.error.code, 'node_lost');
});
