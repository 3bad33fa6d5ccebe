/** The end of the app, when something of it does not end in order. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type QuitOptions, quitGently } from '../../../main/boot/quit.ts';
import { collectLog } from '../../support/log.ts';

type BeforeQuit = (event: { preventDefault(): void }) => void;

/** An app that asks before it ends, as Electron does; `ended` is there once nothing has kept it. */
function openApp(t: TestContext, options: Partial<QuitOptions>) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const log = collectLog();
  let ask: BeforeQuit = () => undefined;
  let isEnded = false;
  const quitApp = (): void => {
    let isKept = false;
    ask({
      preventDefault: () => {
        isKept = true;
      },
    });
    isEnded ||= !isKept;
  };
  const on = (_event: string, listener: BeforeQuit): void => {
    ask = listener;
  };
  const app = { on, quit: quitApp, exit: assert.fail } as unknown as QuitOptions['app'];
  const nothing = async (): Promise<void> => undefined;
  const parts = { handBack: () => undefined, runningJobs: () => 0, close: nothing, closeNow: nothing };
  const quit = quitGently({ app, ...parts, log, ...options });
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  return { quit, log, turns, isEnded: () => isEnded };
}

test('ends although closing fails, and says so', async (t) => {
  const { quit, log, turns, isEnded } = openApp(t, { close: () => Promise.reject(new Error('a ledger that is gone')) });
  quit.now();
  assert.deepEqual([quit.isQuitting(), isEnded()], [true, false]);
  await turns();
  assert.equal(isEnded(), true);
  assert.match(log.lines.join(), /closing failed/);
});

test('ends after four seconds although closing never does', async (t) => {
  let closings = 0;
  const close = (): Promise<void> => {
    closings += 1;
    return new Promise(() => undefined);
  };
  const { quit, log, turns, isEnded } = openApp(t, { close });
  quit.now();
  await turns();
  t.mock.timers.tick(3_999);
  quit.now();
  await turns();
  assert.deepEqual([isEnded(), closings], [false, 1], 'asked again it does not close again');
  t.mock.timers.tick(1);
  await turns();
  assert.equal(isEnded(), true);
  assert.match(log.lines.join(), /took too long/);
});

test('a session that ends at once is not held up by what fails, whether at once or later', async (t) => {
  const fails = new Error('no relay');
  for (const options of [{ handBack: () => assert.fail(fails) }, { closeNow: () => Promise.reject(fails) }]) {
    const { quit, log, turns, isEnded } = openApp(t, options);
    quit.atOnce();
    assert.equal(isEnded(), true);
    await turns();
    assert.match(log.lines.join(), /closing failed/);
    t.mock.timers.reset();
  }
});
