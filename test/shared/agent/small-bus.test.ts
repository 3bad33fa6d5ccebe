/** A bus of somebody else's may take less in a message than ours; what it does not take ends a job at most. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { connect } from 'nats.ws';
import { startAgent } from '../../../shared/agent/agent.ts';
import { connectToBus } from '../../../shared/agent/nats-connection.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { encodeJson } from '../../../shared/protocol/codec.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import type { ErrorFrame, Frame } from '../../../shared/protocol/messages.ts';
import { subjects } from '../../../shared/protocol/subjects.ts';
import { afterTest } from '../../support/after-test.ts';
import { startForeignNats } from '../../support/bus/foreign-nats.ts';
import { createInbox } from '../../support/inbox.ts';
import { collectLog } from '../../support/log.ts';
import { chatInput } from '../../support/models/pretended-model.ts';
import { ATTIC, INSTANCE } from '../../support/nodes/scripted-agent.ts';
import { type ControlledRun, createControlledRuntime } from '../../support/runtimes/controlled-runtime.ts';
import { fetchFromRelay, SCRIPTED_NODE_ID } from '../../support/scripted-relay.ts';
import { until } from '../../support/until.ts';

/** A real bus that takes messages of so many bytes. */
async function startBus(t: TestContext, mostBytes: number): Promise<string> {
  const { websocket } = await startForeignNats(t, `max_payload: ${mostBytes}\n`);
  return `ws://127.0.0.1:${websocket}`;
}

/** A real agent whose runtime does what the test says. */
function startOnBus(t: TestContext, url: string) {
  const runtime = createControlledRuntime();
  const log = collectLog();
  const agent = startAgent({
    ...ATTIC,
    slots: 1,
    runtime,
    connect: (options) => connectToBus({ ...options, url, directUrl: undefined }),
    fetch: fetchFromRelay({ jwt: 'a.b.c' }),
    now: () => 0,
    log,
  });
  afterTest(t, () => agent.close());
  return { agent, runtime, log };
}

/** What a relay says to the agent, and hears of its jobs. */
async function openSession(t: TestContext, url: string) {
  const relay = await connect({ servers: url });
  afterTest(t, () => relay.close());
  const beaten = relay.subscribe(subjects.heartbeat(SCRIPTED_NODE_ID), { max: 1 });
  for await (const _ of beaten) break;
  const say = (subject: string, value: unknown, reply = 'nobody') =>
    relay.publish(subject, encodeJson(value), { reply });
  say(subjects.openSession(SCRIPTED_NODE_ID), { epoch: 5, leaseMs: 15_000, instance: INSTANCE });
  return {
    ask: (job: string) => {
      const frames = createInbox<Frame>();
      const reply = `${subjects.relayReplies(SCRIPTED_NODE_ID)}${job}`;
      relay.subscribe(reply, { callback: (_, message) => frames.push(message.json<Frame>()) });
      const request = { job, attempt: 1, epoch: 5, model: 'm', timeoutMs: 600_000, type: 'llm', stream: true };
      say(subjects.jobRequest(SCRIPTED_NODE_ID, 'llm'), { ...request, input: chatInput('x') }, reply);
      return frames;
    },
  };
}

async function endOf(frames: ReturnType<typeof createInbox<Frame>>): Promise<Frame> {
  for (;;) {
    const frame = await frames.next();
    if (frame.type === 'done' || frame.type === 'error') return frame;
  }
}

test('what the bus does not take of an answer ends the job with a reason, and the next job runs', {
  timeout: 20_000,
}, async (t) => {
  const url = await startBus(t, 1_024);
  const { runtime } = startOnBus(t, url);
  const { ask } = await openSession(t, url);
  const large = 'b'.repeat(2_000);
  const ends: Record<string, (run: ControlledRun) => void> = {
    'in a timer': ({ output }) => {
      output.text('a', 1);
      output.text(large, 1);
    },
    'at once': ({ output, fail }) => {
      try {
        output.text(large, 1);
      } catch (error) {
        fail(error);
      }
    },
    'with its end': ({ finish }) => finish({ output: { text: large } }),
  };
  for (const [job, act] of Object.entries(ends)) {
    const frames = ask(job.replaceAll(' ', '-'));
    const run = await runtime.runs.next();
    run.signal.addEventListener('abort', () => run.fail(run.signal.reason));
    act(run);
    const end = (await endOf(frames)) as ErrorFrame;
    assert.equal(end.type, 'error', job);
    assert.equal(end.problem.code, 'body_too_large', job);
    assert.match(end.problem.detail, /takes 1024 bytes in a message/);
    assert.deepEqual(
      frames.all.map(({ seq }) => seq),
      frames.all.map((_, place) => place),
      job,
    );
  }
  const broken = ask('broken');
  const run = await runtime.runs.next();
  run.output.text('a', 1);
  run.output.text(large, 1);
  run.fail(new Problem('model_load_failed', 'It broke.'));
  assert.equal(((await endOf(broken)) as ErrorFrame).problem.code, 'model_load_failed');
  const frames = ask('small');
  (await runtime.runs.next()).finish();
  assert.equal((await endOf(frames)).type, 'done');
});

test('a bus that takes no beat ends nothing, and the log says why no job comes', { timeout: 20_000 }, async (t) => {
  const url = await startBus(t, 40);
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { agent, log, runtime } = startOnBus(t, url);
  const told = () => log.lines.filter((line) => /^error the bus does not take what this node says/.test(line)).length;
  await until(() => told() === 1);
  t.mock.timers.tick(LIMITS.heartbeatIntervalMs);
  assert.equal(told(), 2);
  runtime.setModels([]);
  assert.equal(told(), 3);
  await agent.close();
  assert.equal(await agent.ended, undefined);
});
