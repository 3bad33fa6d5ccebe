/** A job that waits for its owner's word has them look, also where the window lies in the tray. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { NodeParts } from '../../../main/boot/desktop-host.ts';
import { DEFAULT_PREFERENCES } from '../../../shared/preferences/preferences.ts';
import {
  type DesktopOptions,
  playComputePages,
  SETTLED,
  startDesktop,
  TEST_MODEL,
} from '../../support/desktop/desktop.ts';
import { chatInput } from '../../support/models/pretended-model.ts';
import { settled } from '../../support/pending-timers.ts';
import { collectOutput, NEVER } from '../../support/runtimes/runtime-fixtures.ts';
import { until } from '../../support/until.ts';

/** The app of somebody who watches over jobs, with its window in the tray. */
async function open(t: TestContext, options: DesktopOptions = {}) {
  const { before, ...more } = options;
  let parts: NodeParts | undefined;
  const desktop = await startDesktop(t, {
    stored: { ...SETTLED, preferences: { ...DEFAULT_PREFERENCES, supervised: true } },
    before: (hands) => {
      playComputePages(hands);
      before?.(hands);
    },
    startAgent: (given) => {
      parts = given;
      return () => Promise.reject(new Error('this test starts no agent'));
    },
    ...more,
  });
  desktop.ui().close();
  const { hands, app } = desktop;
  const ask = async (count = 1): Promise<void> => {
    const input = chatInput('a secret of the client');
    parts?.runtime
      .run({ type: 'llm', model: TEST_MODEL, input, client: 'key_4f1c' }, collectOutput(), NEVER)
      .catch(() => undefined);
    await until(() => app.state().questions.length === count);
  };
  const refuseAll = async (): Promise<void> => {
    for (const { id } of app.state().questions) await desktop.ask('answerQuestion', { id, allow: false });
    await settled();
  };
  return { desktop, hands, ask, refuseAll };
}

test('a question is told by a toast that opens the window, without a word of what is asked', async (t) => {
  const { desktop, hands, ask, refuseAll } = await open(t);
  assert.equal(desktop.ui().isShown, false);
  await ask();
  const [said] = hands.notifications;
  assert.equal(said?.title, 'A job is waiting for your approval');
  assert.equal(said?.body, `${TEST_MODEL}, for key_4f1c. After a minute it goes elsewhere.`);
  assert.doesNotMatch(JSON.stringify(said), /secret/);
  assert.equal(hands.badgeCount, 1);
  assert.equal(desktop.ui().isFlashing, true);
  await desktop.tick();
  assert.equal(hands.notifications.length, 1, 'told once');
  hands.toasts[0]?.emit('click');
  assert.equal(desktop.ui().isShown, true);
  await refuseAll();
  assert.equal(hands.toasts.length, 0);
  assert.equal(hands.badgeCount, 0);
  assert.equal(desktop.ui().isFlashing, false);
});

test('the tray has a line for it, which opens the window where no click on icon or toast arrives', async (t) => {
  const { desktop, hands, ask, refuseAll } = await open(t);
  const labels = () => hands.menuLabels().filter((label) => /approval/.test(label));
  assert.deepEqual(labels(), []);
  await ask();
  assert.deepEqual(labels(), ['A job is waiting for your approval']);
  assert.match(hands.trays[0]?.toolTip ?? '', /^Sparewatt: A job is waiting for your approval\. /);
  hands.choose('question');
  assert.equal(desktop.ui().isShown, true);
  await refuseAll();
  assert.deepEqual(labels(), []);
});

test('more questions are one toast with their number, and who looks at the window gets none', async (t) => {
  const { desktop, hands, ask, refuseAll } = await open(t);
  await ask();
  await ask(2);
  assert.equal(hands.toasts.length, 1);
  assert.equal(hands.notifications.at(-1)?.title, '2 jobs are waiting for your approval');
  await refuseAll();
  hands.choose('open');
  await ask();
  assert.equal(hands.notifications.length, 2);
  assert.equal(desktop.ui().isFlashing, false);
  assert.equal(hands.badgeCount, 1);
  await refuseAll();
});

test('where the system shows no toasts the window comes by itself, and French owners are asked in French', async (t) => {
  const { desktop, ask, refuseAll } = await open(t, { before: (hands) => (hands.showsToasts = false) });
  await ask();
  assert.equal(desktop.ui().isShown, true);
  await refuseAll();
  const french = await open(t);
  await french.desktop.ask('setLanguage', { language: 'fr' });
  await french.ask();
  assert.equal(french.hands.notifications[0]?.title, 'Une tâche attend votre accord');
  await french.refuseAll();
});
