import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readFullScreen } from '../../../main/headless/presence/full-screen.ts';
import { loadOfPmon, readOtherGpuLoad } from '../../../main/headless/presence/gpu-load.ts';
import { meteredOfNmcli, readMetered } from '../../../main/headless/presence/metered.ts';
import { namesOfPs, namesOfTasklist, programsOfProc, readPrograms } from '../../../main/headless/presence/programs.ts';
import { systemSensors } from '../../../main/headless/presence/system-sensors.ts';
import { watchPresence } from '../../../main/headless/presence/watch-presence.ts';
import { createPowerSensor } from '../../../main/power/power-sensor.ts';
import type { Presence } from '../../../shared/preferences/presence.ts';
import { createElectronDouble } from '../../support/desktop/electron-double/electron-double.ts';
import { doubleEvent } from '../../support/desktop/electron-double/windows.ts';
import { settled } from '../../support/pending-timers.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

function openPower(platform: NodeJS.Platform, env: Record<string, string> = {}) {
  const { electron, hands } = createElectronDouble({ userData: '/nowhere' });
  let events = 0;
  const sensor = createPowerSensor({
    powerMonitor: electron.powerMonitor,
    platform,
    env,
    onEvent: () => void events++,
  });
  return { hands, sensor, events: () => events };
}

test('Linux tells battery and idle time under X11, leaves heat to another sensor, and does not tell an open lock', () => {
  const { hands, sensor } = openPower('linux', { XDG_SESSION_TYPE: 'x11' });
  hands.idleSeconds = 12;
  hands.onBattery = true;
  assert.deepEqual(sensor.read(), { idle_s: 12, locked: 'unknown', power: 'battery', suspending: false });
  hands.idleState = 'locked';
  assert.equal(sensor.read().locked, true);
});

test('under Wayland idle time is unknown, because what is told is 0 or wrong', () => {
  assert.equal(openPower('linux', { XDG_SESSION_TYPE: 'wayland' }).sensor.read().idle_s, 'unknown');
  assert.equal(openPower('linux', { WAYLAND_DISPLAY: 'wayland-0' }).sensor.read().idle_s, 'unknown');
});

test('macOS tells heat and lock, and what it tells is known at once', () => {
  const { hands, sensor, events } = openPower('darwin');
  assert.deepEqual(sensor.read(), { idle_s: 0, locked: false, power: 'mains', heat: 'unknown', suspending: false });
  hands.emitPower('thermal-state-change', doubleEvent({ state: 'critical' }));
  assert.equal(sensor.read().heat, 'hot');
  hands.emitPower('thermal-state-change', doubleEvent({ state: 'serious' }));
  assert.equal(sensor.read().heat, 'hot');
  hands.emitPower('thermal-state-change', doubleEvent({ state: 'fair' }));
  assert.equal(sensor.read().heat, 'normal');
  hands.emitPower('lock-screen');
  assert.equal(sensor.read().locked, true);
  hands.emitPower('unlock-screen');
  assert.equal(sensor.read().locked, false);
  hands.emitPower('suspend');
  assert.equal(sensor.read().suspending, true);
  hands.emitPower('resume');
  assert.equal(sensor.read().suspending, false);
  assert.equal(events(), 7);
});

test('reads the programs of Linux, and the game that Steam has started', async (t) => {
  const root = temporaryFolder(t);
  const add = (pid: string, command: string[]): void => {
    mkdirSync(join(root, pid));
    writeFileSync(join(root, pid, 'cmdline'), command.join('\0'));
  };
  add('1', ['/sbin/init']);
  add('2', []);
  add('20', ['/opt/REAPER/reaper', 'song.rpp']);
  add('21', ['/usr/bin/grep', 'SteamLaunch']);
  add('30', ['C:\\Games\\Witcher3.exe', '-fullscreen']);
  mkdirSync(join(root, 'net'));
  assert.deepEqual(programsOfProc(root), { names: ['init', 'reaper', 'grep', 'Witcher3.exe'], game: null });
  const game = '/home/a/.steam/steamapps/common/ELDEN RING/Game/eldenring.exe';
  const launch = ['/home/a/.steam/ubuntu12_32/reaper', 'SteamLaunch', 'AppId=1245620', '--', '/proton'];
  add('40', [...launch, 'waitforexitandrun', game]);
  assert.equal(programsOfProc(root).game, 'ELDEN RING');
  writeFileSync(join(root, '40', 'cmdline'), launch.join('\0'));
  assert.equal(programsOfProc(root).game, 'Steam app 1245620', 'where its folder does not tell');
  assert.deepEqual(programsOfProc(join(root, 'none')), { names: 'unknown', game: 'unknown' });
  assert.deepEqual(await readPrograms('aix'), { names: 'unknown', game: 'unknown' });
});

test('reads the programs of this machine, itself among them', { skip: process.platform !== 'linux' }, async () => {
  const { names } = await readPrograms('linux');
  assert.ok(names !== 'unknown' && names.some((name) => name.startsWith('node')));
});

test('reads the lists of Windows and macOS', () => {
  assert.deepEqual(
    namesOfTasklist(
      '"System","4","Services","0","1 K"\r\n"eldenring.exe","5","Console","1","2 K"\r\n"eldenring.exe","6","Console","1","2 K"\r\n',
    ),
    ['System', 'eldenring.exe'],
  );
  assert.deepEqual(namesOfPs('launchd\nGoogle Chrome\n\n'), ['launchd', 'Google Chrome']);
});

test('a full screen is known under X11 alone, and unknown without its tool', async () => {
  const asked = (answers: Record<string, string | null>) => (program: string, args: readonly string[]) =>
    Promise.resolve(answers[[program, ...args].join(' ')] ?? null);
  const x11 = { platform: 'linux' as const, env: { DISPLAY: ':0' } };
  const active = '_NET_ACTIVE_WINDOW(WINDOW): window id # 0x3e00007\n';
  const read = (state: string | null, root: string | null = active) =>
    readFullScreen({
      ...x11,
      ask: asked({ 'xprop -root _NET_ACTIVE_WINDOW': root, 'xprop -id 0x3e00007 _NET_WM_STATE': state }),
    });
  assert.equal(await read('_NET_WM_STATE(ATOM) = _NET_WM_STATE_FULLSCREEN, _NET_WM_STATE_FOCUSED'), true);
  assert.equal(await read('_NET_WM_STATE(ATOM) = _NET_WM_STATE_MAXIMIZED_VERT'), false);
  assert.equal(await read(null), 'unknown');
  assert.equal(await read(null, null), 'unknown');
  for (const none of ['_NET_ACTIVE_WINDOW(WINDOW): window id # 0x0', '_NET_ACTIVE_WINDOW:  not found.']) {
    assert.equal(await read(null, none), false);
  }
  for (const other of [
    { platform: 'darwin' as const, env: { DISPLAY: ':0' } },
    { platform: 'linux' as const, env: {} },
    { platform: 'win32' as const, env: {} },
    { ...x11, env: { DISPLAY: ':0', WAYLAND_DISPLAY: 'w' } },
  ]) {
    assert.equal(await readFullScreen({ ...other, ask: () => assert.fail('nobody is asked') }), 'unknown');
  }
});

const PMON = `# gpu         pid   type     sm    mem    enc    dec    jpg    ofa    command
# Idx           #    C/G      %      %      %      %      %      %    name
    0       1111     C     60      5      -      -      -      -    sparewatt
    0       2222     G     15      2      -      -      -      -    Xorg
    0       3333   C+G     30      2      -      -      -      -    game
    1          -     -      -      -      -      -      -      -    -
`;

test('the load of others is told by process, and one’s own is not counted', () => {
  assert.equal(loadOfPmon(PMON, { own: new Set([1111]) }), 45);
  assert.equal(loadOfPmon(PMON, { own: new Set() }), 100, 'no more than all of it');
  assert.equal(loadOfPmon(PMON, { own: new Set([1111, 2222, 3333]) }), 0);
  assert.equal(loadOfPmon('No running processes found', { own: new Set() }), 'unknown');
});

test('a load that nobody tells by process is another’s only while this app computes nothing', async (t) => {
  const root = temporaryFolder(t);
  mkdirSync(join(root, 'class/drm/card0/device'), { recursive: true });
  writeFileSync(join(root, 'class/drm/card0/device/gpu_busy_percent'), '73\n');
  const options = {
    platform: 'linux' as const,
    processes: { own: new Set<number>() },
    sysfsRoot: root,
    ask: async () => null,
  };
  assert.equal(await readOtherGpuLoad({ ...options, isComputing: false }), 73);
  assert.equal(await readOtherGpuLoad({ ...options, isComputing: true }), 'unknown');
  assert.equal(await readOtherGpuLoad({ ...options, isComputing: false, platform: 'darwin' }), 'unknown');
});

test('a network is metered when its owner says so; what NetworkManager guesses to be so is unknown', async () => {
  const device = (state: string, metered: string) => `GENERAL.STATE:${state}\nGENERAL.METERED:${metered}\n\n`;
  const up = '100 (connected)';
  assert.equal(meteredOfNmcli(device(up, 'yes') + device(up, 'no')), true);
  assert.equal(meteredOfNmcli(device(up, 'no (guessed)') + device('30 (disconnected)', 'yes')), false);
  assert.equal(meteredOfNmcli(device(up, 'yes (guessed)')), 'unknown');
  assert.equal(meteredOfNmcli(device('30 (disconnected)', 'no')), 'unknown');
  assert.equal(await readMetered('linux', async () => null), 'unknown');
  assert.equal(await readMetered('darwin', () => assert.fail()), 'unknown');
});

test('a sensor that fails or falls silent leaves unknown, and a slow one holds up no other', async () => {
  let game: Partial<Presence> | Error = { game: 'Elden Ring' };
  let now = 0;
  let changes = 0;
  const never = Promise.withResolvers<Partial<Presence>>();
  let asked = 0;
  const watch = watchPresence(
    [
      { everyMs: 1_000, read: async () => (game instanceof Error ? Promise.reject(game) : game) },
      {
        everyMs: 0,
        read: () => {
          asked += 1;
          return never.promise;
        },
      },
    ],
    () => ({ power: 'mains' }),
    () => void changes++,
    () => now,
  );
  assert.equal(watch.current().power, 'mains');
  void watch.look();
  await new Promise(setImmediate);
  assert.equal(watch.current().game, 'Elden Ring');
  now = 999;
  game = new Error('gone');
  void watch.look();
  await new Promise(setImmediate);
  assert.equal(watch.current().game, 'Elden Ring', 'it is not asked before its time');
  now = 1_000;
  void watch.look();
  await new Promise(setImmediate);
  assert.equal(watch.current().game, 'unknown');
  assert.equal(asked, 1, 'who has not answered is not asked again');
  assert.equal(changes, 2);
});

test('a sensor that sees nothing is asked less often, until it sees', async () => {
  let now = 0;
  let seen: Partial<Presence> = { full_screen: 'unknown' };
  const asked: number[] = [];
  const read = async (): Promise<Partial<Presence>> => {
    asked.push(now);
    return seen;
  };
  const watch = watchPresence(
    [{ everyMs: 1_000, everyMsWhenBlind: 10_000, read }],
    () => ({}),
    () => undefined,
    () => now,
  );
  for (; now <= 12_000; now += 1_000) {
    // Who sees one of two things is not blind.
    if (now === 10_000) seen = { full_screen: false, game: 'unknown' };
    await watch.look();
  }
  assert.deepEqual(asked, [0, 10_000, 11_000, 12_000]);
});

test('a sensor that nobody needs is not asked and what it said is forgotten; it is asked at once when somebody does', async () => {
  let isWanted = true;
  let asked = 0;
  const watch = watchPresence(
    [
      {
        everyMs: 30_000,
        isWanted: () => isWanted,
        read: async () => {
          asked += 1;
          return { game: 'Elden Ring' };
        },
      },
    ],
    () => ({}),
    () => undefined,
    () => 0,
  );
  await watch.look();
  assert.equal(watch.current().game, 'Elden Ring');
  isWanted = false;
  await watch.look();
  assert.equal(watch.current().game, 'unknown');
  isWanted = true;
  await watch.look();
  assert.deepEqual([watch.current().game, asked], ['Elden Ring', 2]);
});

test('a sensor that is told of a change is asked at once, and once more when it was asking; none is after the end', async () => {
  let tell = (): void => undefined;
  const answers: PromiseWithResolvers<Partial<Presence>>[] = [];
  const watch = watchPresence(
    [
      {
        everyMs: 30_000,
        read: () => {
          const answer = Promise.withResolvers<Partial<Presence>>();
          answers.push(answer);
          return answer.promise;
        },
        watch: (changed) => {
          tell = changed;
          return () => undefined;
        },
      },
    ],
    () => ({}),
    () => undefined,
    () => 0,
  );
  void watch.look();
  tell();
  tell();
  assert.equal(answers.length, 1);
  answers[0]?.resolve({ metered: false });
  await settled();
  assert.equal(answers.length, 2);
  answers[1]?.resolve({ metered: true });
  await settled();
  assert.equal(watch.current().metered, true);
  watch.close();
  tell();
  assert.equal(answers.length, 2);
});

/** Programs of the system as the test has them: they print what their files hold. */
function playPrograms(t: TestContext, withEvents: boolean) {
  const folder = temporaryFolder(t);
  const add = (name: string, command: string): void => {
    writeFileSync(join(folder, name), `#!/bin/sh\n${command}\n`);
    chmodSync(join(folder, name), 0o755);
  };
  const says = (metered: string): void =>
    writeFileSync(join(folder, 'says'), `GENERAL.STATE:100 (connected)\nGENERAL.METERED:${metered}\n`);
  writeFileSync(join(folder, 'events'), 'Monitoring signals\n');
  add('nmcli', `cat ${join(folder, 'says')}`);
  add('gdbus', withEvents ? `exec tail -n +1 -f ${join(folder, 'events')}` : 'exit 1');
  const before = process.env.PATH;
  process.env.PATH = `${folder}${delimiter}${before}`;
  t.after(() => {
    process.env.PATH = before;
  });
  const happens = (): void =>
    appendFileSync(join(folder, 'events'), "/org/…: PropertiesChanged ('…', {'Metered': <uint32 1>}, @as [])\n");
  return { says, happens };
}

function watchMetered(t: TestContext, matters: () => boolean) {
  const clock = { now: 0 };
  const options = {
    platform: 'linux' as const,
    env: {},
    ownProcesses: () => ({ own: new Set<number>() }),
    isComputing: () => true,
  };
  const sensor = systemSensors({ ...options, doesMeteredMatter: matters }).at(-1);
  assert.ok(sensor);
  const watch = watchPresence(
    [sensor],
    () => ({}),
    () => undefined,
    () => clock.now,
  );
  t.after(watch.close);
  return { watch, clock };
}

const ON_LINUX = { skip: process.platform !== 'linux' };

test(
  'a network that becomes metered is known when NetworkManager tells, long before anybody would look',
  ON_LINUX,
  async (t) => {
    const { says, happens } = playPrograms(t, true);
    const { watch } = watchMetered(t, () => true);
    says('no');
    await watch.look();
    assert.equal(watch.current().metered, false);
    says('yes');
    happens();
    // The clock stands still: only what is told can have it asked.
    await until(() => watch.current().metered === true);
  },
);

test(
  'where nobody tells of changes, the network is looked at within two seconds while it matters, else seldom',
  ON_LINUX,
  async (t) => {
    let matters = true;
    const { says } = playPrograms(t, false);
    const { watch, clock } = watchMetered(t, () => matters);
    says('no');
    await watch.look();
    const look = async (afterMs: number) => {
      clock.now += afterMs;
      await watch.look();
      return watch.current().metered;
    };
    says('yes');
    await until(async () => (await look(2_000)) === true);
    matters = false;
    says('no');
    assert.equal(await look(2_000), true);
    assert.equal(await look(28_000), false);
  },
);
