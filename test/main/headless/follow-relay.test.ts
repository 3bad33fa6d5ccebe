import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { followRelay, LOOK_AFTER_MS, LOOK_LEAST_OFTEN_MS } from '../../../main/headless/discovery/follow-relay.ts';
import { relayPinsIn } from '../../../main/headless/relay-pins.ts';
import { expectSameRelay } from '../../../main/headless/roaming-agent.ts';
import { fileSecretBox } from '../../../main/headless/secret-box.ts';
import type { Agent } from '../../../shared/agent/agent.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { afterTest } from '../../support/after-test.ts';
import { collectLog } from '../../support/log.ts';
import { isProblem } from '../../support/problems.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const HOME = 'http://192.0.2.1:8484';
const NEW_HOME = 'http://192.0.2.9:8484';

/** An agent that has a session when the test says so. */
function fakeAgent(relayUrl: string) {
  const ready = Promise.withResolvers<string>();
  ready.promise.catch(() => undefined);
  const ended = Promise.withResolvers<Problem | undefined>();
  const state = { hasSession: false, isClosed: false };
  const agent: Agent = {
    ready: ready.promise,
    ended: ended.promise,
    hasSession: () => state.hasSession,
    trouble: () => undefined,
    capabilities: () => Promise.reject(new Error('not asked for')),
    records: () => Promise.reject(new Error('not asked for')),
    close: async () => {
      state.isClosed = true;
      state.hasSession = false;
      ended.resolve(undefined);
    },
  };
  const meet = (): void => {
    state.hasSession = true;
    ready.resolve('attic-a');
  };
  return { relayUrl, state, agent, meet, end: (problem: Problem) => ended.resolve(problem) };
}

/** A node that follows its relay, in a time that stands still. */
async function setUp(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval', 'Date'] });
  const agents: ReturnType<typeof fakeAgent>[] = [];
  const found = { at: undefined as string | undefined, looks: 0 };
  const moves: string[] = [];
  const node = await followRelay({
    relayUrl: HOME,
    start: async (relayUrl) => {
      const agent = fakeAgent(relayUrl);
      agents.push(agent);
      return agent.agent;
    },
    look: async () => {
      found.looks += 1;
      return found.at;
    },
    onMove: (url) => moves.push(url),
    now: Date.now,
    log: collectLog(),
  });
  afterTest(t, () => node.close());
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 20; i += 1) await Promise.resolve();
  };
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 5_000) {
      t.mock.timers.tick(5_000);
      await settle();
    }
  };
  const agent = (index: number) => agents[index] ?? assert.fail(`no agent ${index} of ${agents.length}`);
  return { node, agents, agent, found, moves, pass, settle };
}

test('[D10] a node that has its relay never looks for it, and one that lost it for a moment neither', async (t) => {
  const { agent, found, pass } = await setUp(t);
  agent(0).meet();
  await pass(60 * 60_000);
  agent(0).state.hasSession = false;
  await pass(LOOK_AFTER_MS - 5_000);
  agent(0).state.hasSession = true;
  await pass(60_000);
  assert.equal(found.looks, 0);
});

test('[D10] a relay that stays away is looked for after a minute, then ever less often', async (t) => {
  const { found, pass } = await setUp(t);
  const looksAfter = async (ms: number): Promise<number> => {
    const before = found.looks;
    await pass(ms);
    return found.looks - before;
  };
  assert.equal(await looksAfter(LOOK_AFTER_MS + 5_000), 1);
  assert.equal(await looksAfter(2 * 60_000), 1);
  assert.equal(await looksAfter(4 * 60_000), 1);
  await pass(60 * 60_000);
  assert.equal(await looksAfter(10 * LOOK_LEAST_OFTEN_MS), 10);
});

test('[D10] a node whose relay is found elsewhere goes on there, with one agent', async (t) => {
  const { node, agents, agent, found, moves, pass } = await setUp(t);
  agent(0).meet();
  assert.equal(await node.ready, 'attic-a');
  agent(0).state.hasSession = false;
  found.at = HOME;
  await pass(5 * 60_000);
  assert.equal(agents.length, 1, 'where it was before is nothing new');
  found.at = NEW_HOME;
  await pass(10 * 60_000);
  assert.deepEqual(
    agents.map(({ relayUrl, state }) => [relayUrl, state.isClosed]),
    [
      [HOME, true],
      [NEW_HOME, false],
    ],
  );
  assert.deepEqual(moves, [NEW_HOME]);
  agent(1).meet();
  assert.equal(node.hasSession(), true);
});

test('[D10] a node that is refused where it looked goes back, and one that is refused at home ends', async (t) => {
  const { node, agents, agent, found, pass, settle } = await setUp(t);
  agent(0).meet();
  agent(0).state.hasSession = false;
  found.at = NEW_HOME;
  await pass(2 * 60_000);
  agent(1).end(new Problem('relay_identity_changed', 'Another relay answers.'));
  await settle();
  assert.equal(agents.at(-1)?.relayUrl, HOME);
  agent(2).end(new Problem('node_revoked', 'The node was revoked.'));
  assert.equal((await node.ended)?.code, 'node_revoked');
});

test('[D10] a node that is refused by the relay it moved to after it had met it there ends too', async (t) => {
  const { node, agent, found, pass, settle } = await setUp(t);
  found.at = NEW_HOME;
  await pass(2 * 60_000);
  agent(1).meet();
  await settle();
  agent(1).end(new Problem('node_revoked', 'The node was revoked.'));
  assert.equal((await node.ended)?.code, 'node_revoked');
});

test('a node that is closed while it moves leaves no agent behind', async (t) => {
  const { node, agents, found, pass } = await setUp(t);
  found.at = NEW_HOME;
  await pass(LOOK_AFTER_MS);
  const closing = node.close();
  await pass(60_000);
  await closing;
  assert.ok(agents.every(({ state }) => state.isClosed));
  assert.equal(await node.ended, undefined);
  await assert.rejects(node.ready, isProblem('cancelled', /stopped/));
});

test('[D10] at a new address a node expects the relay that it knows, and its certificates', async (t) => {
  const pins = relayPinsIn(fileSecretBox(join(temporaryFolder(t), 'pins.json')));
  const [key, authority] = [`N${'A'.repeat(55)}`, 'b'.repeat(43)];
  await pins.write(HOME, key, authority);
  await expectSameRelay(pins, `${HOME}/`, NEW_HOME, key);
  assert.deepEqual([await pins.read(NEW_HOME), await pins.authority(NEW_HOME)], [key, authority]);
  assert.equal(await pins.read(HOME), key, 'and still at the old one');
});
