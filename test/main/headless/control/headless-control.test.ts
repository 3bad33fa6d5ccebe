import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openHeadlessControl } from '../../../../main/headless/control/headless-control.ts';
import { rememberLog } from '../../../../main/headless/control/log-memory.ts';
import { openNodeLedger } from '../../../../main/headless/ledger/node-ledger.ts';
import type { Sensor } from '../../../../main/headless/presence/watch-presence.ts';
import { openLogFile } from '../../../../main/logs/log-file.ts';
import { askNode, findNodes } from '../../../../relay/cli/node/control-client.ts';
import { nodeStatusText } from '../../../../relay/cli/terminal/node-status-text.ts';
import type { Trouble } from '../../../../shared/agent/trouble-log.ts';
import { CONTROL_FOLDER, LOG_LINES_MOST, type NodeStatus } from '../../../../shared/control/control-protocol.ts';
import type { NodePolicy } from '../../../../shared/policy/node-policy.ts';
import { createOwnerPolicy } from '../../../../shared/policy/owner-policy.ts';
import { DEFAULT_PREFERENCES, type Preferences } from '../../../../shared/preferences/preferences.ts';
import type { Presence } from '../../../../shared/preferences/presence.ts';
import { Problem } from '../../../../shared/problems/problem.ts';
import { afterTest } from '../../../support/after-test.ts';
import { collectLog } from '../../../support/log.ts';
import { pretendedModel } from '../../../support/models/pretended-model.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { until } from '../../../support/until.ts';

const TRIALS = [
  { device: 'cpu', dtype: 'q8', per_second: 4, load_ms: 1, verdict: 'chosen' as const, reason: 'the best of 2' },
];
const TRIAL = { chosen: { threads: 1, tokensPerS: 40 }, other: { threads: 2, tokensPerS: 38 } };

const version = 1;
const NOON = Date.UTC(2026, 10, 21, 12);

/** What an owner wants, and what goes on at their machine. */
type Owned = { preferences: Preferences; seen: Partial<Presence> };

/** The control of a node whose agent is the test's. */
async function open(t: TestContext, rules: NodePolicy = {}, owned?: Owned) {
  const dataFolder = temporaryFolder(t);
  const log = rememberLog(collectLog(), () => NOON);
  const wall = (): number => 12 * 60;
  const policy = createOwnerPolicy({ policy: rules, now: () => NOON, wall });
  const common = { dataFolder, relayUrl: 'http://relay', policy, log, now: () => NOON };
  const options = { ...common, version: '1', ledger: openNodeLedger(common) };
  const sensor: Sensor = { everyMs: 0, read: async () => ({ ...owned?.seen }) };
  const control = await openHeadlessControl({
    ...options,
    preferences: () => owned?.preferences,
    sensors: () => [sensor],
  });
  afterTest(t, control.close);
  const ready = Promise.withResolvers<string>();
  const ended = Promise.withResolvers<Problem | undefined>();
  const state: { trouble: Trouble | undefined } = { trouble: undefined };
  const agent = {
    ready: ready.promise,
    ended: ended.promise,
    hasSession: () => true,
    trouble: () => state.trouble,
    records: () => new Promise<never>(() => undefined),
  };
  const ask = async (request: 'status' | 'finish'): Promise<NodeStatus> => {
    const [node] = await findNodes([join(dataFolder, CONTROL_FOLDER)]);
    assert.ok(node);
    for await (const answer of askNode(node, { version, ask: request })) {
      if (answer.answer === 'status') return answer.status;
    }
    throw new Error('no state was told');
  };
  const models = () => [
    { ...pretendedModel('a/warm'), trials: TRIALS, threadTrial: TRIAL },
    { ...pretendedModel('a/cold'), state: 'installed' as const },
    { ...pretendedModel('ffmpeg'), type: 'ffmpeg' as const },
  ];
  const freed: string[] = [];
  const attach = (held = models) => {
    const freeMemory = async () => void freed.push('all');
    control.attach({ agent, models: held, freeMemory });
  };
  return { control, ask, attach, ready, ended, policy, log, freed, state };
}

test('the state goes from starting over unreachable to contributing, and ends refused', async (t) => {
  const { ask, attach, ready, ended, state } = await open(t);
  assert.equal((await ask('status')).code, 'starting');
  attach();
  assert.deepEqual((await ask('status')).relay, { state: 'connecting', relay: 'http://relay' });
  state.trouble = { code: 'clocks_differ', message: 'Set the clock.' };
  const waiting = await ask('status');
  const why = { code: 'clocks_differ', detail: 'Set the clock.' };
  assert.deepEqual(
    [waiting.code, waiting.relay],
    ['unreachable', { state: 'connecting', relay: 'http://relay', ...why }],
  );
  assert.match(nodeStatusText(waiting, Date.now()), /\n {2}relay {3}http:\/\/relay, not connected: Set the clock\.\n/);
  ready.resolve('attic');
  const { code, relay, models } = await ask('status');
  assert.deepEqual([code, relay], ['contributing', { state: 'connected', relay: 'http://relay', nodeId: 'attic' }]);
  assert.deepEqual(
    models.map(({ name, trials, threadTrial }) => [name, trials, threadTrial]),
    [['a/warm', TRIALS, TRIAL]],
    'what is only installed, and programs, take no memory',
  );
  ended.resolve(new Problem('node_revoked', 'Its operator has shut this node out.'));
  assert.match((await ask('status')).reason, /shut this node out/);
});

test('what the policy closes stays closed and says so, and what the owner says by hand comes first', async (t) => {
  const paused = await open(t, { paused: true });
  assert.deepEqual([(await paused.ask('status')).code, (await paused.ask('finish')).code], ['policy', 'paused']);
  const hours = await open(t, { hours: ['mon 01:00-02:00'] });
  assert.equal((await hours.ask('status')).code, 'hours');
});

test('a node whose owner allows nothing of what it has says why no job comes, and no more when they do', async (t) => {
  const { ask, attach, ready, policy } = await open(t, { models: { deny: ['a/*', 'ffmpeg'] } });
  assert.equal((await ask('status')).code, 'starting');
  attach();
  assert.equal((await ask('status')).code, 'unreachable');
  ready.resolve('attic');
  const { contributing, code, reason } = await ask('status');
  assert.deepEqual([contributing, code], [false, 'no_model_allowed']);
  assert.equal(reason, 'Paused: no job can come, since you allow none of its models');
  policy.replace({ services: { allow: ['embed'] }, models: { deny: ['a/*'] } });
  assert.equal((await ask('status')).code, 'no_service_allowed');
  policy.replace({ services: { allow: ['ffmpeg'] }, models: { deny: ['a/*'] } });
  assert.equal((await ask('status')).code, 'contributing');
  policy.replace({ services: { allow: ['llm'] }, models: { deny: ['a/*'] } });
  assert.equal((await ask('status')).code, 'no_model_allowed', 'each model is kept by one of the two');
});

test('jobs are told while they run, without anything of their input, and finishing waits for them', async (t) => {
  const { control, ask, attach, ready } = await open(t);
  attach();
  ready.resolve('attic');
  const job = { job: 'job_1', attempt: 1, type: 'llm' as const, model: 'a/warm', client: 'key_1', startedAt: NOON };
  control.witness.began(job);
  control.witness.produced('job_1', 3);
  const { jobs, code } = await ask('finish');
  const { attempt: _, ...told } = job;
  assert.deepEqual([code, jobs], ['finishing', [{ ...told, outputTokens: 3 }]]);
  control.witness.ended(job, { outcome: 'done', usage: undefined, totalMs: 1 });
  assert.equal((await ask('status')).code, 'paused');
});

test('what the owner’s rules see closes the node with the reason and code of the app, and its end opens it', async (t) => {
  const owned: Owned = { preferences: DEFAULT_PREFERENCES, seen: { power: 'battery', metered: false } };
  const { ask, attach, ready, policy, control, log } = await open(t, {}, owned);
  await control.looked;
  assert.equal(policy.isOpen(), false, 'no job is taken before the machine was looked at');
  attach();
  ready.resolve('attic');
  const closed = await ask('status');
  assert.deepEqual([closed.code, closed.reason, closed.contributing], ['battery', 'Paused: on battery', false]);
  assert.equal(policy.finishesRunning(), false);
  const rule = (needs: string) => closed.rules?.find((each) => each.needs === needs);
  assert.deepEqual(rule('power'), { rule: 'contribute_on_battery', needs: 'power', followed: true });
  assert.deepEqual(rule('idle_s'), { rule: 'away_after_s', needs: 'idle_s', followed: false });
  owned.seen = { power: 'mains', programs: ['Secret'] };
  await until(async () => (await ask('status')).code === 'contributing');
  assert.equal(policy.isOpen(), true);
  owned.preferences = { ...DEFAULT_PREFERENCES, games: { detect: false, programs: ['secret.exe'] } };
  await until(() => policy.shown().reason === 'game');
  assert.equal((await ask('status')).reason, 'Paused: Secret is running');
  assert.doesNotMatch(JSON.stringify(policy.shown()) + log.tail(99).join(), /secret/i, 'it stays on this machine');
  assert.equal((await ask('finish')).code, 'paused', 'what was said by hand comes first');
});

test('memory is freed of models on their way too when the owner takes the machine back', async (t) => {
  const { ask, attach, ready, freed } = await open(t);
  attach(() => [{ ...pretendedModel('a/slow'), state: 'installed' as const }]);
  ready.resolve('attic');
  assert.equal((await ask('finish')).code, 'paused');
  assert.notDeepEqual(freed, [], 'a model that loads is told as installed');
});

test('a log in memory keeps its last lines at every level, and one in files tells its lines too', (t) => {
  const elsewhere = collectLog();
  const memory = rememberLog(elsewhere, () => NOON);
  for (let count = 1; count <= LOG_LINES_MOST + 5; count++) memory.info({ count }, 'a line');
  assert.equal(elsewhere.lines.length, LOG_LINES_MOST + 5);
  assert.equal(memory.tail(LOG_LINES_MOST + 5).length, LOG_LINES_MOST);
  assert.match(memory.tail(1)[0] ?? '', new RegExp(`"count":${LOG_LINES_MOST + 5}`));
  assert.deepEqual(memory.tail(0), []);
  const file = openLogFile(join(temporaryFolder(t), 'logs', 'a.log'), () => NOON);
  const heard: string[] = [];
  const stop = file.onLine((line) => heard.push(line));
  file.warn({ prompt: 'SECRET' }, 'one');
  stop();
  file.warn({}, 'two');
  assert.deepEqual(heard, file.tail(2).slice(0, 1));
  assert.doesNotMatch(heard.join(), /SECRET/);
});
