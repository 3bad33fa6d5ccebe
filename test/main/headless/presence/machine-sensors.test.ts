/** What the system tells without Electron, from a folder like its own and from programs like its own. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { powerOfPmset, readPower } from '../../../../main/headless/presence/battery.ts';
import { loadOfPmon, readOtherGpuLoad } from '../../../../main/headless/presence/gpu-load.ts';
import { createHeatReader, heatsOfSlowdowns } from '../../../../main/headless/presence/heat.ts';
import { readOwnProcesses } from '../../../../main/headless/presence/own-processes.ts';
import { readPrograms } from '../../../../main/headless/presence/programs.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

/** A tree like sysfs. */
function sysfs(t: TestContext) {
  const root = temporaryFolder(t);
  const put = (files: Record<string, string>): void => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), `${text}\n`);
    }
  };
  return { root, put };
}

/** Programs of a system, by how they are asked. */
const answering = (answers: Record<string, string>) => async (program: string, args: readonly string[]) =>
  answers[[program, ...args].join(' ')] ?? null;

const supply = (name: string, files: Record<string, string>) =>
  Object.fromEntries(Object.entries(files).map(([file, text]) => [`class/power_supply/${name}/${file}`, text]));

test('Linux tells of its battery: discharging is on battery, unless a line gives power', async (t) => {
  const { root, put } = sysfs(t);
  const power = () => readPower({ platform: 'linux', sysfsRoot: root });
  assert.equal(await power(), 'unknown', 'a system without the folder says nothing');
  mkdirSync(join(root, 'class/power_supply'), { recursive: true });
  assert.equal(await power(), 'mains', 'a machine without a battery is on none');
  put(supply('hidpp_battery_0', { type: 'Battery', scope: 'Device', status: 'Discharging' }));
  assert.equal(await power(), 'mains', 'that of a mouse powers nothing else');
  put(supply('BAT0', { type: 'Battery', status: 'Discharging' }));
  assert.equal(await power(), 'battery');
  put(supply('AC', { type: 'Mains', online: '0' }));
  assert.equal(await power(), 'battery');
  put(supply('AC', { type: 'Mains', online: '1' }));
  assert.equal(await power(), 'mains');
  put({ ...supply('AC', { type: 'Mains', online: '0' }), ...supply('BAT0', { type: 'Battery', status: 'Charging' }) });
  assert.equal(await power(), 'mains');
  put(supply('BAT0', { type: 'Battery', status: 'Unknown' }));
  assert.equal(await power(), 'unknown');
});

test('a battery that is full needs no line, what stands before the machine powers it too, and a plug without power none', async (t) => {
  const { root, put } = sysfs(t);
  const power = () => readPower({ platform: 'linux', sysfsRoot: root });
  put({ ...supply('BAT0', { type: 'Battery', status: 'Full' }), ...supply('BAT1', { type: 'Battery', status: '' }) });
  put(supply('BAT1', { status: 'Not charging' }));
  assert.equal(await power(), 'mains');
  put({ ...supply('BAT1', { status: 'Discharging' }), ...supply('usb0', { type: 'USB' }) });
  assert.equal(await power(), 'battery', 'a line that does not say whether it gives power');
  const ups = sysfs(t);
  ups.put(supply('ups', { type: 'UPS', status: 'Discharging', online: '1' }));
  assert.equal(await readPower({ platform: 'linux', sysfsRoot: ups.root }), 'battery');
});

test('macOS tells of its battery through pmset, and Windows tells a program like this one nothing', async () => {
  assert.equal(powerOfPmset("Now drawing from 'AC Power'\n -InternalBattery-0 (id=1)\t100%; charged;"), 'mains');
  assert.equal(powerOfPmset("Now drawing from 'Battery Power'\n"), 'battery');
  assert.equal(powerOfPmset("Now drawing from 'UPS Power'\n"), 'battery');
  assert.equal(powerOfPmset('pmset: error'), 'unknown');
  assert.equal(await readPower({ platform: 'darwin', ask: async () => null }), 'unknown');
  const pmset = answering({ 'pmset -g batt': "Now drawing from 'Battery Power'\n" });
  assert.equal(await readPower({ platform: 'darwin', ask: pmset }), 'battery');
  assert.equal(await readPower({ platform: 'win32', ask: () => assert.fail('nobody is asked') }), 'unknown');
});

function openHeat(root: string, nvidia: () => string | null = () => null, platform: NodeJS.Platform = 'linux') {
  const clock = { now: 0 };
  const asked: string[] = [];
  const read = createHeatReader({
    platform,
    now: () => clock.now,
    sysfsRoot: root,
    ask: async (_program, args) => {
      asked.push(args.join(' '));
      return nvidia();
    },
  });
  return { clock, read, asked };
}

test('a zone of the kernel is hot near the trip at which the kernel acts, and passive trips are none', async (t) => {
  const { root, put } = sysfs(t);
  const { read } = openHeat(root);
  assert.equal(await read(), 'unknown');
  const zone = 'class/thermal/thermal_zone0';
  put({
    [`${zone}/temp`]: '94900',
    [`${zone}/trip_point_0_type`]: 'passive',
    [`${zone}/trip_point_0_temp`]: '80000',
  });
  assert.equal(await read(), 'unknown');
  put({ [`${zone}/trip_point_1_type`]: 'critical', [`${zone}/trip_point_1_temp`]: '100000' });
  assert.equal(await read(), 'normal');
  put({ [`${zone}/temp`]: '0' });
  assert.equal(await read(), 'unknown', 'that was never measured');
  put({ [`${zone}/temp`]: '95000' });
  assert.equal(await read(), 'hot');
  const other = sysfs(t);
  other.put({
    [`${zone}/temp`]: '90000',
    [`${zone}/trip_point_0_type`]: 'hot',
    [`${zone}/trip_point_0_temp`]: '95000',
  });
  assert.equal(await openHeat(other.root).read(), 'hot');
});

test('a chip is hot near its own critical limit; wires that lead nowhere and limits that nobody set are none', async (t) => {
  const { root, put } = sysfs(t);
  const { read } = openHeat(root);
  const chip = (at: number, name: string, celsius: number, limit: number) => ({
    [`class/hwmon/hwmon${at}/name`]: name,
    [`class/hwmon/hwmon${at}/temp2_input`]: String(celsius * 1_000),
    [`class/hwmon/hwmon${at}/temp2_crit`]: String(limit * 1_000),
  });
  put({ ...chip(0, 'nct6775', 127, 80), ...chip(1, 'amdgpu', 60, 20.8), ...chip(2, 'coretemp', 255, 100) });
  assert.equal(await read(), 'unknown');
  put(chip(3, 'amdgpu', 104, 110));
  assert.equal(await read(), 'normal');
  put(chip(3, 'amdgpu', 106, 110));
  assert.equal(await read(), 'hot');
});

test('an NVIDIA GPU is hot when its driver slows it down for heat, by its old name too, and stays so for a while', async (t) => {
  const { root } = sysfs(t);
  const answers = ['Not Active, Not Active\nNot Active, Active\n'];
  let known = 'clocks_event_reasons';
  const { read, clock, asked } = openHeat(root, () => (asked.at(-1)?.includes(known) ? (answers[0] ?? null) : null));
  assert.equal(await read(), 'hot');
  answers[0] = 'Not Active, Not Active\n';
  clock.now = 59_999;
  assert.equal(await read(), 'hot', 'it cools in seconds, and the case around it does not');
  clock.now = 60_000;
  assert.equal(await read(), 'normal');
  known = 'clocks_throttle_reasons';
  answers[0] = '[N/A], Active';
  assert.equal(await read(), 'hot');
  assert.deepEqual(heatsOfSlowdowns('[Not Supported], [N/A]\n'), []);
  answers.length = 0;
  assert.equal(await read(), 'unknown', 'its last word is not kept');
  assert.equal(await openHeat(root, () => assert.fail('nobody is asked'), 'darwin').read(), 'unknown');
});

const ON_LINUX = { skip: process.platform !== 'linux' };

test('the children of children are this node’s own, and what runs beside them is seen and not', ON_LINUX, async (t) => {
  const child = spawn('/bin/sh', ['-c', 'sleep 600 & echo $!; wait'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  t.after(() => {
    process.kill(Number(line), 'SIGKILL');
    child.kill('SIGKILL');
  });
  const found = readOwnProcesses();
  assert.ok(found?.seen);
  for (const pid of [process.pid, child.pid ?? -1, Number(line)]) assert.ok(found.own.has(pid));
  assert.ok(found.seen.has(1));
  assert.ok(!found.own.has(1));
  assert.deepEqual([...(readOwnProcesses('linux', Number(line))?.own ?? [])], [Number(line)]);
});

test('processes whose parents go round in a circle are nobody’s, and other systems do not tell', (t) => {
  const root = temporaryFolder(t);
  const add = (pid: number, name: string, parent: number): void => {
    mkdirSync(join(root, String(pid)));
    writeFileSync(join(root, String(pid), 'stat'), `${pid} (${name}) S ${parent} 1 1`);
  };
  add(7, 'node', 1);
  add(8, 'a) S 9 (b', 7);
  add(20, 'x', 21);
  add(21, 'y', 20);
  mkdirSync(join(root, '30'));
  const found = readOwnProcesses('linux', 7, root);
  assert.deepEqual([...(found?.own ?? [])].sort(), [7, 8]);
  assert.deepEqual([...(found?.seen ?? [])].sort(), [20, 21, 7, 8]);
  assert.equal(readOwnProcesses('linux', 7, join(root, 'none')), undefined);
  assert.equal(readOwnProcesses('win32'), undefined);
});

const PMON = `# gpu         pid   type     sm    mem    enc    dec    command
    0       1111     C     60      5      -      -    node
    0       3333   C+G     30      2      -      -    game
`;

test('in a container, where the driver names processes that nobody sees, the load of others is unknown', () => {
  const own = new Set([1111]);
  assert.equal(loadOfPmon(PMON, { own, seen: new Set([1111, 3333]) }), 30);
  assert.equal(loadOfPmon(PMON, { own, seen: new Set([1111]) }), 'unknown');
  assert.equal(
    loadOfPmon(PMON.replaceAll(/ (?:60|30) /g, '  - '), { own, seen: new Set() }),
    0,
    'who rests is no load',
  );
});

test('where a node does not know all of its processes, their load is unknown while it computes', async (t) => {
  const options = { platform: 'win32' as const, processes: undefined, sysfsRoot: temporaryFolder(t) };
  const load = (isComputing: boolean) => readOtherGpuLoad({ ...options, isComputing, ask: async () => PMON });
  assert.equal(await load(true), 'unknown');
  assert.equal(await load(false), 90);
  const processes = { own: new Set([1111]) };
  assert.equal(await readOtherGpuLoad({ ...options, processes, isComputing: true, ask: async () => PMON }), 30);
});

test('the busiest of AMD’s GPUs counts, and a machine without one tells nothing', async (t) => {
  const { root, put } = sysfs(t);
  const options = { platform: 'linux' as const, processes: { own: new Set<number>() }, isComputing: false };
  const load = () => readOtherGpuLoad({ ...options, sysfsRoot: root, ask: async () => null });
  assert.equal(await load(), 'unknown');
  const busy = (card: string, text: string) => ({ [`class/drm/${card}/device/gpu_busy_percent`]: text });
  put({ 'class/drm/card0/device/vendor': '0x8086', ...busy('card0-DP-1', '99') });
  assert.equal(await load(), 'unknown', 'another’s GPU, and one of its plugs');
  put({ ...busy('card1', '20'), ...busy('card2', '70'), ...busy('card3', '') });
  assert.equal(await load(), 70);
  put(busy('card1', '101'));
  assert.equal(await load(), 100);
});

test('Windows and macOS are asked for their programs by their own tools', async () => {
  const macOs = answering({ 'ps -axco comm=': 'launchd\nSteam\n' });
  assert.deepEqual(await readPrograms('darwin', macOs), { names: ['launchd', 'Steam'], game: 'unknown' });
  const { names } = await readPrograms('win32', answering({ 'tasklist /fo csv /nh': '"eldenring.exe","5"\r\n' }));
  assert.deepEqual(names, ['eldenring.exe']);
  for (const platform of ['darwin', 'win32'] as const) {
    assert.deepEqual(await readPrograms(platform, answering({})), { names: 'unknown', game: 'unknown' });
  }
});
