/** What dies in the app is made anew, and takes the node along only if nothing else is right. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { type TestContext, test } from 'node:test';
import { saidOf } from '../../../main/boot/faults.ts';
import { type DesktopOptions, startDesktop } from '../../support/desktop/desktop.ts';
import { NO_RENDERER } from '../../support/desktop/electron-double/windows.ts';
import { settled } from '../../support/pending-timers.ts';
import { until } from '../../support/until.ts';

/** The app, whose loads of a page are counted. */
async function open(t: TestContext, options: DesktopOptions = {}) {
  const world = { loads: 0, isBroken: false };
  const faults = new EventEmitter();
  const { before, ...more } = options;
  const desktop = await startDesktop(t, {
    faults,
    before: (hands) => {
      hands.renderer = {
        open: (window, url) => {
          world.loads += 1;
          return world.isBroken ? Promise.reject(new Error('ERR_FAILED')) : NO_RENDERER.open(window, url);
        },
      };
      before?.(hands);
    },
    ...more,
  });
  const { app } = desktop;
  const log = async (): Promise<string> => (await desktop.ask('readLog', { lines: 20 })).join('\n');
  return { world, faults, desktop, app, hands: desktop.hands, log };
}

test('without a tray a page that crashes is loaded anew in its window, and the app goes on', async (t) => {
  const { world, desktop, hands, log } = await open(t, { hasTrayPlace: async () => false });
  const window = desktop.ui();
  window.webContents.crash();
  await settled();
  assert.equal(world.loads, 2);
  assert.equal(desktop.ui(), window);
  assert.equal(window.isShown, true);
  assert.equal(hands.calls.includes('quit'), false);
  assert.equal((await desktop.ask('getState')).version, '0.0.0-test');
  assert.match(await log(), /the page of the window has died.*"reason":"crashed"/);
});

test('a page that keeps crashing is loaded less and less often, never in a circle', async (t) => {
  const { world, desktop, hands } = await open(t, { hasTrayPlace: async () => false });
  const seconds: number[] = [];
  for (let second = 0; second < 60; second++) {
    const before = world.loads;
    desktop.ui().webContents.crash();
    await settled();
    desktop.clock.now += 1_000;
    await desktop.tick();
    await settled();
    if (world.loads > before) seconds.push(second);
  }
  assert.deepEqual(seconds.slice(0, 3), [0, 1, 3]);
  assert.ok(seconds.length <= 7, `loaded ${seconds.length} times in a minute`);
  assert.equal(hands.calls.includes('quit'), false);
});

test('a hidden window whose page has died is loaded when it is wanted again', async (t) => {
  const { world, desktop, hands } = await open(t);
  desktop.ui().close();
  desktop.ui().webContents.crash('oom');
  await desktop.tick();
  await settled();
  assert.equal(world.loads, 1);
  assert.equal(desktop.ui().isShown, false);
  hands.choose('open');
  assert.equal(world.loads, 2);
  assert.equal(desktop.ui().isShown, true);
});

test('a page that cannot be had ends nothing: its window can be closed, and has it once it is there', async (t) => {
  const { world, desktop, hands } = await open(t, {
    argv: ['sparewatt', '--hidden'],
  });
  world.isBroken = true;
  hands.choose('open');
  await until(() => hands.windows.some(({ isShown }) => isShown));
  assert.equal(hands.calls.includes('quit'), false);
  world.isBroken = false;
  desktop.clock.now += 10_000;
  await desktop.tick();
  await settled();
  assert.equal((await desktop.ask('getState')).version, '0.0.0-test');
});

test('a promise that was rejected for nobody is logged with its place, and ends nothing', async (t) => {
  const { faults, hands, log } = await open(t);
  faults.emit('unhandledRejection', new Error('no such file'));
  assert.match(await log(), /nobody waited for it.*no such file.*faults\.test\.ts/);
  assert.equal(hands.calls.includes('quit'), false);
});

test('an exception that reached nobody ends the app in order, to begin anew where it was', async (t) => {
  const { faults, hands, desktop } = await open(t, {
    argv: ['sparewatt', '--flag', 'sparewatt://pair?code=K7QF'],
  });
  desktop.ui().close();
  desktop.clock.now += 60_000;
  faults.emit('uncaughtException', new TypeError('half done'));
  faults.emit('uncaughtException', new TypeError('and again'));
  await until(() => hands.calls.includes('ended'));
  assert.deepEqual(hands.relaunches, [{ execPath: '/opt/Sparewatt/sparewatt', args: ['--flag', '--hidden'] }]);
  assert.deepEqual(hands.errorBoxes, []);
  assert.equal(hands.trays.length, 0, 'everything was closed');
});

test('an exception soon after the start ends the app for good, and says so with the place of the log', async (t) => {
  const { faults, hands, desktop } = await open(t);
  faults.emit('uncaughtException', new Error('at once'));
  await until(() => hands.calls.includes('ended'));
  assert.deepEqual(hands.relaunches, []);
  assert.match(hands.errorBoxes.join(), new RegExp(`^Sparewatt has ended: .*${desktop.folder}/logs/sparewatt\\.log$`));
});

test('what a fault quotes is not kept, for it may be of a job', () => {
  const parse = (text: string): unknown => {
    try {
      return JSON.parse(text);
    } catch (error) {
      return error;
    }
  };
  for (const text of ['secret of mine', '{"a": "secret" of mine']) {
    const said = saidOf(parse(text));
    assert.match(said, /^SyntaxError: .*\n {4}at JSON\.parse/s);
    assert.doesNotMatch(said.split('\n')[0] ?? '', /secret|of mine/);
  }
  assert.equal(saidOf('a secret'), 'not an error but string');
  assert.equal(saidOf(null), 'not an error but null');
});
