import assert from 'node:assert/strict';
import { test } from 'node:test';
import { affinityOf } from '../../relay/scheduler/affinity.ts';
import { LIMITS } from '../../shared/protocol/limits.ts';
import { askChat, chatCall } from '../support/ask-pool.ts';
import { pretendedModel } from '../support/models/pretended-model.ts';
import { INSTANCE, openScriptedAgent } from '../support/nodes/scripted-agent.ts';
import { joinScriptedNode } from '../support/nodes/scripted-node.ts';
import { startTestPool } from '../support/pool.ts';
import { SCRIPTED_NODE_ID } from '../support/scripted-relay.ts';
import { until } from '../support/until.ts';

test('[S13] a node tells in its heartbeat what its runtime still knows, and nothing to a relay without a salt', async (t) => {
  const { start, line, pass, runtime } = await openScriptedAgent(t);
  runtime.setModels([pretendedModel('m')]);
  const { run } = await start();
  const session = 'session' in run.job ? run.job.session : undefined;
  assert.match(String(session), /^[0-9a-f]{64}$/);
  run.finish({ warmSessions: [String(session)] });
  await pass(LIMITS.heartbeatIntervalMs);
  assert.equal(line.beats.at(-1)?.warm, undefined);

  const offer = { epoch: 6, leaseMs: 15_000, instance: INSTANCE, salt: 'salt-of-a-relay-1' };
  line.say(`node.${SCRIPTED_NODE_ID}.session.open`, offer);
  await pass(0);
  await pass(LIMITS.heartbeatIntervalMs);
  assert.match(line.beats.at(-1)?.warm?.join() ?? '', /^[0-9a-f]{16}$/);
  runtime.setModels([]);
  await pass(0);
  await pass(LIMITS.heartbeatIntervalMs);
  assert.equal(line.beats.at(-1)?.warm, undefined, 'nothing of a model that is out of memory');
});

test('[S13] a later turn goes to the node that tells of the conversation, though the relay has never met it', async (t) => {
  const pool = await startTestPool(t);
  const model = 'scripted/warm';
  const nodes = [
    await joinScriptedNode(t, pool.relay, { name: 'left', models: [model] }),
    await joinScriptedNode(t, pool.relay, { name: 'right', models: [model] }),
  ] as const;
  for (const node of nodes) void serve(node.jobs);
  // Long enough that reading it again weighs more than what a busy machine makes of two nodes' speeds.
  const turnsOf = (conversation: number) => [
    { role: 'user', content: `Hello ${conversation} ${'and so on '.repeat(500)}` },
    { role: 'assistant', content: 'Hi' },
    { role: 'user', content: 'And now?' },
  ];
  const ask = async (messages: object[]) =>
    (await askChat(pool, model, { ...chatCall(model, false), body: JSON.stringify({ model, messages }) })).node;
  // The first answers of a process are the slowest, and would make the node that had them a slow one.
  for (let i = 0; i < 6; i++) await ask([{ role: 'user', content: `Who am I? ${i}` }]);
  const client = [...nodes[0].jobs.all, ...nodes[1].jobs.all][0]?.request.client ?? assert.fail();
  const digestOf = (conversation: number): string =>
    affinityOf({ model, apiKeyId: client, messages: turnsOf(conversation) })?.key ?? assert.fail();

  const conversations = Array.from({ length: 12 }, (_, conversation) => conversation);
  for (const [index, node] of nodes.entries()) {
    const own = conversations.filter((conversation) => ((conversation * 7) % 3) % 2 === index);
    node.beat({ warm: own.map(digestOf) });
    await node.connection.flush();
  }
  const messenger = await joinScriptedNode(t, pool.relay, { name: 'messenger' });
  await messenger.close();
  await until(() => !pool.relay.nodes().includes(messenger.nodeId));
  for (const conversation of conversations) {
    const expected = nodes[((conversation * 7) % 3) % 2];
    assert.equal(await ask(turnsOf(conversation)), expected?.nodeId, String(conversation));
  }
});

async function serve(jobs: Awaited<ReturnType<typeof joinScriptedNode>>['jobs']): Promise<void> {
  for (;;) (await jobs.next()).done({ text: 'yes' });
}
