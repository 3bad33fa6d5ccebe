/** The app's node with a real relay and nats-server; the test plays the page that computes. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { openLedger } from '../../../main/headless/ledger/ledger.ts';
import { LINK_SCHEME } from '../../../main/links/pair-link.ts';
import { startDesktopAgent } from '../../../main/node/start-desktop-agent.ts';
import type { PairingCode } from '../../../shared/api/pairing.ts';
import type { ComputeOrder } from '../../../shared/ipc/compute-channels.ts';
import type { ComputeHello } from '../../../shared/ipc/compute-contract.ts';
import { DEFAULT_PREFERENCES, type Preferences } from '../../../shared/preferences/preferences.ts';
import { askChat, askChatOnceServed, type Streamed, streamChat } from '../../support/ask-pool.ts';
import {
  type Desktop,
  type DesktopOptions,
  type PlayedPage,
  playComputePages,
  REAL_GPU,
  SETTLED,
  startDesktop,
  TEST_MODEL,
} from '../../support/desktop/desktop.ts';
import { makeCode } from '../../support/pairing.ts';
import { type Pool, startPool } from '../../support/pool.ts';
import { until } from '../../support/until.ts';

let pool: Pool;
before(async () => {
  pool = await startPool();
});
after(() => pool.close());

type Paired = { desktop: Desktop; page: PlayedPage };

function settingsOf(preferences: Partial<Preferences> = {}): Record<string, unknown> {
  return { ...SETTLED, preferences: { ...DEFAULT_PREFERENCES, ...preferences } };
}

/** The app, paired by code and contributing, with a model that the relay offers. */
async function pairedDesktop(
  t: TestContext,
  preferences: Partial<Preferences> = {},
  { report, ...options }: DesktopOptions & { report?: ComputeHello } = {},
): Promise<Paired> {
  // Nobody asks the app of the test before this one.
  await offered(false);
  let page: PlayedPage | undefined;
  const desktop = await startDesktop(t, {
    stored: settingsOf(preferences),
    before: (hands) => {
      page = playComputePages(hands, report);
    },
    startAgent: startDesktopAgent,
    // With what a relay refuses, should a host be called so.
    hostName: `\u202eattic\u0007-${Math.random().toString(36).slice(2, 8)}`,
    ...options,
  });
  assert.ok(page);
  const { code } = (await makeCode(pool.relay)) as PairingCode & { code: string };
  const state = await desktop.ask('pair', { invitation: code, relayUrl: pool.relay.url });
  assert.equal(state.relay.state, 'connected');
  assert.equal(state.reason, 'Contributing while you are here');
  await offered(true);
  return { desktop, page };
}

/** Whether somebody serves the model now. */
async function offered(isWanted: boolean): Promise<void> {
  await until(async () => {
    const { data } = (await (await pool.request('/v1/models')).json()) as { data: { id: string }[] };
    return data.some(({ id }) => id === TEST_MODEL) === isWanted;
  });
}

function runOf({ order }: ComputeOrder): { id: number; prompt: string } {
  assert.equal(order.type, 'run');
  assert.ok(order.type === 'run' && order.job.type === 'llm');
  return { id: order.id, prompt: order.job.input.messages[0]?.content ?? '' };
}

const USAGE = { inputTokens: 3, outputTokens: 2 };

test('pairs by code, answers a chat in its page, and writes it into the ledger without a word of it', async (t) => {
  const { desktop, page } = await pairedDesktop(t);
  const answer = askChat(pool, TEST_MODEL);
  const { id, prompt } = runOf(await page.orders.next());
  assert.equal(prompt, 'say something');
  await until(() => desktop.hands.blockers.size === 1);
  await page.say({ type: 'text', id, text: 'Hel', tokens: 1, more: undefined });
  await page.say({ type: 'text', id, text: 'lo', tokens: 1, more: undefined });
  await page.say({ type: 'done', id, finishReason: 'stop', usage: USAGE });
  assert.equal((await answer).content, 'Hello');
  await until(async () => (await desktop.ask('listJobs', { before: null, limit: 10 })).length === 1);
  const [job] = await desktop.ask('listJobs', { before: null, limit: 10 });
  assert.equal(job?.outcome, 'done');
  assert.equal(job?.outputTokens, 2);
  assert.equal(job?.relay, pool.relay.url);
  assert.equal(desktop.hands.blockers.size, 0, 'the machine may sleep again');
  await desktop.tick();
  const departures = await desktop.ask('listDepartures', { before: null, limit: 50 });
  const kinds = [...new Set(departures.map(({ kind }) => kind))].sort();
  assert.deepEqual(kinds, ['answer', 'heartbeat', 'pairing', 'request']);
  assert.ok(departures.every(({ to }) => pool.relay.url.includes(to) || to.startsWith('127.0.0.1')));
  for (const file of ['logs/sparewatt.log', 'ledger.sqlite', 'ledger.sqlite-wal']) {
    assert.doesNotMatch(readFileSync(join(desktop.folder, file), 'latin1'), /say something|Hello/, file);
  }
});

test('the relay is told when a model has left the memory for want of work, and the next job loads it again', async (t) => {
  const { desktop, page } = await pairedDesktop(t);
  const stateOf = async () => (await desktop.ask('getCapabilities'))?.served_models.find(isTested)?.state;
  const isTested = ({ name }: { name: string }): boolean => name === TEST_MODEL;
  const ask = async (): Promise<void> => {
    const answer = askChat(pool, TEST_MODEL);
    const { id } = runOf(await page.orders.next());
    await page.say({ type: 'done', id, finishReason: 'stop', usage: USAGE });
    assert.equal((await answer).status, 200);
  };
  await ask();
  assert.equal(await stateOf(), 'warm');
  const [loaded] = desktop.app.state().loaded;
  assert.deepEqual(loaded, { model: TEST_MODEL, unloadsAt: desktop.clock.now + 900_000 });
  desktop.clock.now += 900_000;
  await desktop.tick();
  assert.equal(await stateOf(), 'installed');
  assert.deepEqual(desktop.app.state().loaded, []);
  assert.equal(desktop.app.state().memoryHeld, false);
  assert.equal(desktop.app.state().contributing, true);
  await ask();
  assert.equal(await stateOf(), 'warm');
});

test('a pause in mid-answer stops computing, hands the answer back and takes the model out of memory', async (t) => {
  const { desktop, page } = await pairedDesktop(t);
  const answer = streamChat(pool, TEST_MODEL);
  const { id } = runOf(await page.orders.next());
  await page.say({ type: 'text', id, text: 'Once ', tokens: 1, more: undefined });
  assert.equal(desktop.app.state().memoryHeld, true);
  const paused = desktop.ask('pause', { for: '1h' });
  const cancelled = await page.orders.next();
  assert.equal(cancelled.order.type, 'cancel');
  await page.say({ type: 'cancelled', id, usage: USAGE });
  assert.equal((await paused).code, 'paused');
  const { text, end } = await answer;
  assert.equal(text, 'Once ');
  assert.equal(end, 'handed_back');
  await until(() => !desktop.app.state().memoryHeld);
  assert.equal(desktop.compute(), undefined, 'the page that held it is gone');
  const [job] = await desktop.ask('listJobs', { before: null, limit: 1 });
  assert.equal(job?.outcome, 'handed_back');
  assert.equal(job?.outputTokens, 1);
  assert.equal(desktop.app.policy.isOpen(), false, 'no job reaches the page any more');
  await desktop.ask('contribute');
  const again = askChatOnceServed(pool, TEST_MODEL);
  const next = runOf(await page.orders.next());
  await page.say({ type: 'done', id: next.id, finishReason: 'stop', usage: USAGE });
  await again;
});

test('what a job took by the counter of its card stands in the ledger, and nothing for one that the counter was not read for', async (t) => {
  const asked: unknown[] = [];
  const draw = { gpuWatts: 30, cpuJoules: null };
  const readPowerDraw: DesktopOptions['readPowerDraw'] = async (wants) => {
    asked.push(wants);
    return { ...draw };
  };
  const report = { ...REAL_GPU, vendor: 'nvidia' };
  const { desktop, page } = await pairedDesktop(t, {}, { readPowerDraw, report });
  const passed = async (ms: number): Promise<void> => {
    desktop.clock.now += ms;
    await desktop.tick();
  };
  const ask = async (seconds: number, gpuWatts: number): Promise<void> => {
    const answer = askChat(pool, TEST_MODEL);
    const { id } = runOf(await page.orders.next());
    draw.gpuWatts = gpuWatts;
    for (let second = 0; second < seconds; second++) await passed(1_000);
    await page.say({ type: 'done', id, finishReason: 'stop', usage: USAGE });
    assert.equal((await answer).status, 200);
    draw.gpuWatts = 30;
    await passed(2_000);
  };
  await ask(4, 230);
  assert.equal(desktop.app.state().drawIsTold, true);
  for (let half = 0; half < 4; half++) await passed(30_000);
  await ask(4, 230);
  const jobs = await desktop.ask('listJobs', { before: null, limit: 9 });
  assert.deepEqual(
    jobs.map(({ energyJ }) => energyJ),
    [4 * 200, null],
    'the first came before the card was seen at rest',
  );
  const [day] = await desktop.ask('listDays', { days: 1 });
  assert.deepEqual([day?.energyJ, day?.meteredJobs, day?.jobs], [800, 1, 2]);
  assert.deepEqual(asked.at(-1), { gpu: true });
});

test('a page that does not stop in time is ended, and its job with it', async (t) => {
  const { desktop, page } = await pairedDesktop(t);
  const answer = streamChat(pool, TEST_MODEL);
  const { id } = runOf(await page.orders.next());
  await page.say({ type: 'text', id, text: 'Once ', tokens: 1, more: undefined });
  await desktop.ask('pause', { for: 'resumed' });
  assert.equal((await answer).end, 'handed_back');
  // Whoever has hung up, or gets its answer elsewhere, does not wait for the page.
  await until(() => desktop.compute() === undefined);
});

test('a page that dies hands its job back with what it had, is made again at once, and serves the next', async (t) => {
  const { desktop, page } = await pairedDesktop(t);
  const answer = streamChat(pool, TEST_MODEL);
  const { id } = runOf(await page.orders.next());
  await page.say({ type: 'text', id, text: 'Once ', tokens: 1, more: undefined });
  const dead = desktop.compute();
  dead?.webContents.crash('oom');
  assert.deepEqual(await answer, { status: 200, text: 'Once ', end: 'handed_back' });
  assert.equal(dead?.isGone, true);
  assert.equal((await desktop.ask('listJobs', { before: null, limit: 1 }))[0]?.outcome, 'handed_back');
  const again = askChat(pool, TEST_MODEL);
  const next = runOf(await page.orders.next());
  assert.notEqual(desktop.compute(), dead);
  await page.say({ type: 'done', id: next.id, finishReason: 'stop', usage: USAGE });
  assert.equal((await again).status, 200);
});

test('a page that dies again at once blames its job, and offers nothing until it has greeted anew', async (t) => {
  const { desktop, page } = await pairedDesktop(t);
  const crashIn = async (answer: Promise<Streamed>): Promise<string> => {
    const { id } = runOf(await page.orders.next());
    await page.say({ type: 'text', id, text: 'Once ', tokens: 1, more: undefined });
    desktop.compute()?.webContents.crash('oom');
    return (await answer).end;
  };
  assert.equal(await crashIn(streamChat(pool, TEST_MODEL)), 'handed_back');
  assert.equal(await crashIn(streamChat(pool, TEST_MODEL)), 'node_fault');
  await offered(false);
  await desktop.tick();
  assert.equal(desktop.compute(), undefined, 'it is not made anew in a circle');
  desktop.clock.now += 60_000;
  await desktop.tick();
  await offered(true);
});

test('freeing memory in mid-answer hands the answer back', async (t) => {
  const { desktop, page } = await pairedDesktop(t);
  const answer = streamChat(pool, TEST_MODEL);
  const { id } = runOf(await page.orders.next());
  await page.say({ type: 'text', id, text: 'Once ', tokens: 1, more: undefined });
  assert.equal((await desktop.ask('freeMemory')).memoryHeld, false);
  assert.deepEqual(await answer, { status: 200, text: 'Once ', end: 'handed_back' });
});

test('finishing lets the job end, and pauses then', async (t) => {
  const { desktop, page } = await pairedDesktop(t);
  const answer = askChat(pool, TEST_MODEL);
  const { id } = runOf(await page.orders.next());
  assert.equal((await desktop.ask('finishThenPause')).code, 'finishing');
  assert.equal((await desktop.ask('getState')).jobs.length, 1);
  await page.say({ type: 'text', id, text: 'whole', tokens: 1, more: undefined });
  await page.say({ type: 'done', id, finishReason: 'stop', usage: USAGE });
  assert.equal((await answer).content, 'whole');
  await until(async () => {
    await desktop.tick();
    return desktop.app.state().code === 'paused';
  });
});

test('a game pauses it with a toast that names the game, and the relay hears no name', async (t) => {
  const { desktop } = await pairedDesktop(t);
  desktop.sensed.game = 'ELDEN RING';
  await desktop.tick();
  assert.equal(desktop.app.state().reason, 'Paused: game detected (ELDEN RING)');
  assert.deepEqual(
    desktop.hands.notifications.map(({ body }) => body),
    ['Paused: game detected (ELDEN RING). It goes on when that closes.'],
  );
  await desktop.tick();
  assert.equal(desktop.hands.notifications.length, 1);
  const seen = async () => (await pool.request('/v1/nodes')).text();
  await until(async () => (await seen()).includes('"closed"'));
  assert.doesNotMatch((await seen()) + JSON.stringify(desktop.app.policy.shown()), /ELDEN/);
  assert.equal(desktop.app.policy.shown().reason, 'game');
});

test('a supervised job waits for a person, and a no hands it back', async (t) => {
  const { desktop, page } = await pairedDesktop(t, { supervised: true });
  const refused = askChat(pool, TEST_MODEL);
  await until(() => desktop.app.state().questions.length === 1);
  const [question] = desktop.app.state().questions;
  assert.ok(question);
  assert.doesNotMatch(JSON.stringify(question), /say something/);
  await desktop.ask('answerQuestion', { id: question.id, allow: false });
  assert.equal((await refused).code, 'handed_back');
  assert.equal(page.orders.all.length, 0, 'the page has seen nothing of it');
  const allowed = askChat(pool, TEST_MODEL);
  await until(() => desktop.app.state().questions.length === 1);
  await desktop.ask('answerQuestion', { id: desktop.app.state().questions[0]?.id ?? '', allow: true });
  const { id } = runOf(await page.orders.next());
  await page.say({ type: 'done', id, finishReason: 'stop', usage: USAGE });
  assert.equal((await allowed).status, 200);
});

test('quitting hands jobs back before it leaves, and the next start works for the same relay', async (t) => {
  const { desktop, page } = await pairedDesktop(t);
  const nodeId = desktop.app.state().relay.state === 'connected' ? desktop.app.state().relay : undefined;
  const answer = streamChat(pool, TEST_MODEL);
  const { id } = runOf(await page.orders.next());
  await page.say({ type: 'text', id, text: 'Once ', tokens: 1, more: undefined });
  desktop.hands.choose('quit');
  await page.orders.next();
  await page.say({ type: 'cancelled', id, usage: USAGE });
  assert.equal((await answer).end, 'handed_back');
  await until(() => desktop.hands.calls.includes('ended'));
  await offered(false);
  const second = await startDesktop(t, {
    folder: desktop.folder,
    stored: settingsOf(),
    // The same keyring would unseal it; the double's is new, and the key of a lost keyring is a problem, not a new node.
    startAgent: startDesktopAgent,
    before: (hands) => void playComputePages(hands),
  });
  assert.ok(nodeId);
  assert.equal(second.app.state().relay.state, 'key_store_locked');
  assert.ok((await second.ask('readLog', { lines: 50 })).some((line) => line.includes('is sealed with a key')));
});

test('a session of Windows that ends hands jobs back when it is asked to, and leaves a ledger that is closed', async (t) => {
  const { desktop, page } = await pairedDesktop(t, {}, { platform: 'win32' });
  const { hands } = desktop;
  const answer = streamChat(pool, TEST_MODEL);
  const { id } = runOf(await page.orders.next());
  await page.say({ type: 'text', id, text: 'Once ', tokens: 1, more: undefined });
  assert.equal(hands.emitSession('query-session-end'), false, 'it holds nothing up');
  assert.equal(desktop.app.policy.isOpen(), false, 'in the same turn');
  assert.equal(desktop.app.state().code, 'session_end');
  await page.orders.next();
  await page.say({ type: 'cancelled', id, usage: USAGE });
  assert.deepEqual(await answer, { status: 200, text: 'Once ', end: 'handed_back' });
  const [job] = await desktop.ask('listJobs', { before: null, limit: 1 });
  assert.equal(job?.outcome, 'handed_back');

  hands.emitSession('session-end');
  // Nothing is waited for: this process may be gone by now.
  assert.deepEqual(hands.calls.slice(-2), ['quit', 'ended']);
  assert.throws(() => desktop.app.ledger.days(1), /not open/);
  const kept = openLedger(join(desktop.folder, 'ledger.sqlite'));
  t.after(kept.close);
  assert.equal(kept.jobs({ before: null, limit: 1 })[0]?.job, job?.job);
  const left = kept.departures({ before: null, limit: 99 }).map(({ kind }) => kind);
  assert.ok(left.includes('answer'), 'what was counted last is written down');
  await offered(false);
});

test('preferences that allow nothing of what is here say so in tray and window, in both languages, and no more when they do', async (t) => {
  const { desktop } = await pairedDesktop(t);
  const { hands, app, ask, tick } = desktop;
  const policies: Preferences['policy'][] = [
    { models: { allow: ['acme/*'] } },
    { services: { allow: ['ffmpeg'] } },
    { services: { deny: ['llm'] } },
  ];
  const said: unknown[] = [];
  for (const policy of policies) {
    await ask('setPreferences', { ...DEFAULT_PREFERENCES, policy });
    await tick();
    const { contributing, code, why, reason } = app.state();
    said.push([contributing, code, why.is, hands.menuLabels().slice(0, 2)]);
    assert.equal(hands.trays[0]?.toolTip.startsWith(`Sparewatt: ${reason}`), true);
  }
  const [by, none] = ['Paused', 'No job can come, since you allow none of its'];
  assert.deepEqual(said, [
    [false, 'no_model_allowed', 'no_model_allowed', [by, `${none} models`]],
    [false, 'no_service_allowed', 'no_service_allowed', [by, `${none} services`]],
    [true, 'contributing', 'here', ['Contributing', 'Contributing while you are here']],
  ]);
  await ask('setLanguage', { language: 'fr' });
  await ask('setPreferences', { ...DEFAULT_PREFERENCES, policy: policies[0] ?? {} });
  await tick();
  assert.equal(hands.menuLabels()[1], 'Aucune tâche ne peut venir : vous n’autorisez aucun de ses modèles');
  await ask('pause', { for: '1h' });
  assert.equal(app.state().code, 'paused', 'what is said by hand comes first');
});

test('a wrong code is told, and leaves the machine unpaired; a code alone needs an address', async (t) => {
  const desktop = await startDesktop(t, { stored: settingsOf(), startAgent: startDesktopAgent });
  await assert.rejects(desktop.ask('pair', { invitation: 'AAAA-BBBB-CCCC', relayUrl: pool.relay.url }), {
    code: 'pairing_code_invalid',
  });
  assert.equal(desktop.app.state().relay.state, 'unpaired');
  await assert.rejects(desktop.ask('pair', { invitation: 'AAAA-BBBB-CCCC' }), {
    code: 'invalid_option',
    param: 'relayUrl',
  });
  await assert.rejects(desktop.ask('pair', { invitation: `${LINK_SCHEME}://pair?relay=evil` }), {
    code: 'invalid_option',
  });
});
