/** Every preference of the window changes what the node does, from the moment in which it is saved. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { NodeParts } from '../../../main/boot/desktop-host.ts';
import { DEFAULT_PREFERENCES, type Preferences } from '../../../shared/preferences/preferences.ts';
import type { Presence } from '../../../shared/preferences/presence.ts';
import type { JobRequest } from '../../../shared/protocol/messages.ts';
import { type Desktop, playComputePages, SETTLED, startDesktop, TEST_MODEL } from '../../support/desktop/desktop.ts';
import { chatInput } from '../../support/models/pretended-model.ts';
import { collectOutput, NEVER } from '../../support/runtimes/runtime-fixtures.ts';
import { until } from '../../support/until.ts';

type Opened = { desktop: Desktop; parts: NodeParts; page: ReturnType<typeof playComputePages> };

/** The app as somebody uses it, with what the agent would be given. */
async function open(t: TestContext): Promise<Opened> {
  let parts: NodeParts | undefined;
  let page: Opened['page'] | undefined;
  const desktop = await startDesktop(t, {
    stored: SETTLED,
    before: (hands) => {
      page = playComputePages(hands);
    },
    startAgent: (given) => {
      parts = given;
      return () => Promise.reject(new Error('this test starts no agent'));
    },
  });
  assert.ok(parts && page);
  await until(() => (parts?.runtime.models().length ?? 0) > 0);
  return { desktop, parts, page };
}

const prefer = (desktop: Desktop, changes: Partial<Preferences>) =>
  desktop.ask('setPreferences', { ...DEFAULT_PREFERENCES, ...changes });

function request(more: Partial<JobRequest> = {}): JobRequest {
  const input = chatInput('a question', { maxTokens: 50 });
  const chat = { job: 'j', attempt: 1, epoch: 1, timeoutMs: 1_000, type: 'llm', stream: false };
  return { ...chat, model: TEST_MODEL, client: 'key_1', input, ...more } as JobRequest;
}

const REFUSALS: readonly [string, Preferences['policy']][] = [
  ['a kind of work', { services: { allow: ['embed'] } }],
  ['a client', { clients: { deny: ['key_1'] } }],
  ['clients that are not named', { clients: { allow: ['key_2'] } }],
  ['a model', { models: { deny: ['test/*'] } }],
  ['models that are not named', { models: { allow: ['acme/*'] } }],
  ['long questions', { sizes: { input_characters: 3 } }],
  ['long answers', { sizes: { output_tokens: 10 } }],
  ['a second job of one client', { jobs_per_client: 1 }],
];

test('what may run here: each rule refuses its job when it is saved, and lets it in when it is taken back', async (t) => {
  const { desktop, parts } = await open(t);
  const running = 1;
  for (const [what, policy] of REFUSALS) {
    assert.equal(parts.policy.refusalOf(request(), running), undefined);
    await prefer(desktop, { policy });
    assert.ok(parts.policy.refusalOf(request(), running), what);
    await prefer(desktop, {});
  }
  await prefer(desktop, { policy: { sizes: { output_tokens: 10 } } });
  const open_ = request({ input: chatInput('a question') } as Partial<JobRequest>);
  assert.equal((parts.policy.limited(open_).input as { maxTokens: number }).maxTokens, 10);
});

type Care = { what: string; see(desktop: Desktop): void; code: string; allowing: Partial<Preferences> };
const sense = (presence: Partial<Presence>) => (desktop: Desktop) => void Object.assign(desktop.sensed, presence);
const plugOut = ({ hands }: Desktop): void => {
  hands.onBattery = true;
  hands.emitPower('on-battery');
};
const { games } = DEFAULT_PREFERENCES;
const CARES: readonly Care[] = [
  {
    what: 'a battery',
    see: plugOut,
    code: 'battery',
    allowing: { contribute_on_battery: true },
  },
  {
    what: 'a metered network',
    see: sense({ metered: true }),
    code: 'metered',
    allowing: { contribute_on_metered_network: true },
  },
  {
    what: 'a game',
    see: sense({ game: 'ELDEN RING' }),
    code: 'game',
    allowing: { games: { ...games, detect: false } },
  },
  {
    what: 'a full screen',
    see: sense({ full_screen: true }),
    code: 'full_screen',
    allowing: { games: { ...games, detect: false } },
  },
  {
    what: 'others on the GPU',
    see: sense({ other_gpu_percent: 60 }),
    code: 'gpu_busy',
    allowing: { other_gpu_load_percent: 70 },
  },
];

for (const { what, see, code, allowing } of CARES) {
  test(`yields to ${what}, and no more once its owner allows that`, async (t) => {
    const { desktop, parts } = await open(t);
    see(desktop);
    await desktop.tick();
    assert.equal(desktop.app.state().code, code);
    assert.equal(parts.policy.isOpen(), false);
    assert.equal(parts.policy.shown().reason, code);
    await prefer(desktop, allowing);
    // What passes by itself must have been away for a while.
    desktop.clock.now += 10_000;
    await desktop.tick();
    desktop.clock.now += 10_000;
    await desktop.tick();
    assert.equal(parts.policy.isOpen(), true);
  });
}

test('yields to a program of the list from the moment in which it is on it', async (t) => {
  const { desktop, parts } = await open(t);
  desktop.sensed.programs = ['bash', 'Editor.exe'];
  await desktop.tick();
  assert.equal(parts.policy.isOpen(), true);
  await prefer(desktop, { games: { detect: false, programs: ['editor'] } });
  assert.equal(parts.policy.isOpen(), false);
  assert.equal(desktop.app.state().reason, 'Paused: Editor.exe is running');
});

test('the two profiles say how many jobs run, and whether any does', async (t) => {
  const { desktop, parts } = await open(t);
  const { profiles } = DEFAULT_PREFERENCES;
  await prefer(desktop, { profiles: { ...profiles, here: { contribute: true, slots: 3, duty_percent: 100 } } });
  await desktop.tick();
  assert.equal(parts.slots(), 3);
  await prefer(desktop, {
    profiles: {
      here: { contribute: false, slots: 1, duty_percent: 100 },
      away: { contribute: true, slots: 5, duty_percent: 100 },
    },
  });
  assert.equal(parts.policy.isOpen(), false);
  assert.equal(desktop.app.state().code, 'in_use');
  desktop.hands.idleSeconds = 120;
  await desktop.tick();
  assert.equal(parts.policy.isOpen(), false);
  await prefer(desktop, {
    away_after_s: 60,
    profiles: {
      here: { contribute: false, slots: 1, duty_percent: 100 },
      away: { contribute: true, slots: 5, duty_percent: 100 },
    },
  });
  assert.equal(parts.policy.isOpen(), true);
  assert.equal(parts.slots(), 5);
});

test('the week closes it outside of its hours, and says whether what runs may end', async (t) => {
  const { desktop, parts } = await open(t);
  const day = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'][(new Date(desktop.clock.now).getDay() + 2) % 7];
  await prefer(desktop, { policy: { hours: [`${day} 09:00-10:00`] } });
  assert.equal(parts.policy.isOpen(), false);
  assert.equal(desktop.app.state().code, 'hours');
  assert.equal(parts.policy.finishesRunning(), true);
  await prefer(desktop, { policy: { hours: [`${day} 09:00-10:00`] }, finish_at_schedule_end: false });
  assert.equal(parts.policy.finishesRunning(), false);
  await desktop.ask('contribute');
  assert.equal(parts.policy.isOpen(), true, 'who says "now" means now');
});

test('each job waits for a person from the moment in which that is wanted, and the next does not when it is not', async (t) => {
  const { desktop, parts, page } = await open(t);
  const run = () =>
    parts.runtime.run(
      { type: 'llm', model: TEST_MODEL, input: chatInput('x'), client: 'key_1' },
      collectOutput(),
      NEVER,
    );
  await prefer(desktop, { supervised: true });
  const asked = run();
  await until(() => desktop.app.state().questions.length === 1);
  const [question] = desktop.app.state().questions;
  assert.equal(question?.client, 'key_1');
  assert.equal(page.orders.all.length, 0);
  await desktop.ask('answerQuestion', { id: question?.id ?? '', allow: true });
  const end = async (): Promise<void> => {
    const { order } = await page.orders.next();
    assert.ok(order.type === 'run');
    const usage = { inputTokens: 1, outputTokens: 1 };
    await page.say({ type: 'done', id: order.id, finishReason: 'stop', usage });
  };
  await end();
  await asked;
  await prefer(desktop, { supervised: false });
  const free = run();
  await end();
  await free;
  assert.equal(desktop.app.state().questions.length, 0);
});

test('freeing memory by hand takes the model out, hands its job back, and contributing goes on', async (t) => {
  const { desktop, parts, page } = await open(t);
  const job = { type: 'llm' as const, model: TEST_MODEL, input: chatInput('x') };
  const cut = assert.rejects(parts.runtime.run(job, collectOutput(), NEVER), { code: 'handed_back' });
  await page.orders.next();
  assert.equal(desktop.app.state().memoryHeld, true);
  const { memoryHeld, contributing, code } = await desktop.ask('freeMemory');
  await cut;
  assert.equal(memoryHeld, false);
  assert.equal(desktop.compute(), undefined, 'the page that held it is gone');
  // This app is paired with nobody; what the owner wants stands all the same.
  assert.deepEqual([contributing, code], [false, 'unpaired']);
  assert.equal(parts.policy.isOpen(), true);
});

test('the machine is kept awake while a job runs on mains, unless its owner does not want that', async (t) => {
  const { desktop, parts } = await open(t);
  const job = { job: 'j', attempt: 1, type: 'llm' as const, model: TEST_MODEL, client: 'key_1', startedAt: 0 };
  parts.witness.began(job);
  await desktop.tick();
  assert.equal(desktop.hands.blockers.size, 1);
  await prefer(desktop, { keep_awake: false });
  await desktop.tick();
  assert.equal(desktop.hands.blockers.size, 0);
  parts.witness.ended(job, { outcome: 'done', usage: undefined, totalMs: 1 });
});
