/** What jobs took of the energy of this machine, by a scripted `nvidia-smi` and a folder that looks like powercap. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createEnergyMeter, type EnergyMeter } from '../../../main/headless/energy/energy-meter.ts';
import { createPowerDrawReader, type PowerDraw, wattsOfNvidia } from '../../../main/headless/power-draw.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const JOB = { attempt: 1, type: 'llm' as const, client: 'key_1', startedAt: 0 };

test('adds up what NVIDIA’s cards draw, and says nothing where one of them does not tell', () => {
  assert.equal(wattsOfNvidia('31.50\n120\n'), 151.5);
  assert.equal(wattsOfNvidia('31.50\n[N/A]\n'), null);
  assert.equal(wattsOfNvidia(''), null);
  assert.equal(wattsOfNvidia(null), null);
});

test('reads powercap as a counter of whole processors, over its end and over several, and nothing that is not one', async (t) => {
  const root = temporaryFolder(t);
  const write = (zone: string, files: Record<string, string>): void => {
    mkdirSync(join(root, 'class/powercap', zone), { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(root, 'class/powercap', zone, name), text);
  };
  const asked: string[][] = [];
  const ask = async (program: string, args: readonly string[]) => {
    asked.push([program, ...args]);
    return '40.25\n';
  };
  const reader = createPowerDrawReader({ platform: 'linux', sysfsRoot: root, ask });
  assert.deepEqual(await reader({ gpu: false }), { gpuWatts: null, cpuJoules: null });
  assert.deepEqual(asked, [], 'no program is started for a card that does not compute');
  const range = { max_energy_range_uj: '9000000\n' };
  write('intel-rapl:0', { name: 'package-0\n', energy_uj: '8000000\n', ...range });
  write('intel-rapl:1', { name: 'package-1\n', energy_uj: '100\n', ...range });
  write('intel-rapl:2', { name: 'psys\n', energy_uj: '5\n', ...range });
  write('intel-rapl:0:0', { name: 'core\n', energy_uj: '5\n', ...range });
  assert.deepEqual(await reader({ gpu: true }), { gpuWatts: 40.25, cpuJoules: 0 });
  assert.deepEqual(asked, [['nvidia-smi', '--query-gpu=power.draw', '--format=csv,noheader,nounits']]);
  write('intel-rapl:2', { energy_uj: '1000005\n' });
  write('intel-rapl:0:0', { energy_uj: '1000005\n' });
  write('intel-rapl:0', { energy_uj: '500000\n' });
  write('intel-rapl:1', { energy_uj: '2000100\n' });
  assert.equal((await reader({ gpu: false })).cpuJoules, 3.5);
  write('intel-rapl:1', { energy_uj: 'denied\n' });
  assert.equal((await reader({ gpu: false })).cpuJoules, null);
  write('intel-rapl:1', { energy_uj: '7\n' });
  assert.equal((await reader({ gpu: false })).cpuJoules, null, 'what is back is a counter anew');
  write('intel-rapl:1', { energy_uj: '1000007\n' });
  assert.equal((await reader({ gpu: false })).cpuJoules, 4.5);
  const elsewhere = createPowerDrawReader({ platform: 'darwin', sysfsRoot: root, ask });
  assert.deepEqual(await elsewhere({ gpu: true }), { gpuWatts: null, cpuJoules: null });
});

/** A machine that draws what the test says; its time passes in seconds, each with a look. */
function openMeter({ tells = { gpu: true, cpu: true }, isExpecting = true } = {}) {
  const world = { now: 1_000_000, gpuWatts: 30, cpuWatts: 20, cpuJoules: 0, reads: 0, isTesting: false, isExpecting };
  const known = new Map<string, number>();
  const meter = createEnergyMeter({
    read: async (): Promise<PowerDraw> => {
      world.reads += 1;
      return { gpuWatts: tells.gpu ? world.gpuWatts : null, cpuJoules: tells.cpu ? world.cpuJoules : null };
    },
    deviceOf: (model) => (model === 'a/gpu' ? 'webgpu' : model === 'a/cpu' ? 'cpu' : undefined),
    readsGpu: () => true,
    isExpecting: () => world.isExpecting,
    isTesting: () => world.isTesting,
    onKnown: ({ job, relay }, joules) => void known.set(`${relay} ${job}`, joules),
    now: () => world.now,
  });
  const pass = async (seconds: number, draws: { gpu?: number; cpu?: number } = {}): Promise<void> => {
    world.gpuWatts = draws.gpu ?? world.gpuWatts;
    world.cpuWatts = draws.cpu ?? world.cpuWatts;
    for (let second = 0; second < seconds; second++) {
      world.now += 1_000;
      world.cpuJoules += world.cpuWatts;
      await meter.look();
    }
  };
  const begin = (job: string, model = 'a/gpu') => meter.began({ ...JOB, job, model });
  const end = (job: string) => meter.ended({ ...JOB, job, model: '' }, 'r');
  return { world, meter, known, pass, begin, end };
}

const near = (joules: number | undefined, expected: number, within: number): void => {
  assert.ok(joules !== undefined && Math.abs(joules - expected) <= within, `${joules} is not about ${expected}`);
};

test('a job takes what card and processor drew while it ran, less what they drew before', async () => {
  const { pass, begin, end, known, world } = openMeter();
  await pass(70);
  const readsAtRest = world.reads;
  assert.ok(readsAtRest <= 3, 'at rest it is read seldom');
  begin('j1');
  await pass(100, { gpu: 230, cpu: 50 });
  assert.equal(known.size, 0);
  assert.ok(world.reads - readsAtRest <= 51, 'and while a job runs every other second');
  end('j1');
  await pass(3, { gpu: 30, cpu: 20 });
  near(known.get('r j1'), 100 * 200 + 100 * 30, 300);
});

test('of jobs that run together each has its share by time, and one on the processor nothing of the card', async () => {
  const { pass, begin, end, known } = openMeter();
  await pass(70);
  begin('long');
  begin('cpu', 'a/cpu');
  await pass(50, { gpu: 130, cpu: 40 });
  begin('late');
  await pass(50);
  for (const job of ['long', 'late', 'cpu']) end(job);
  await pass(3, { gpu: 30, cpu: 20 });
  near(known.get('r cpu'), (50 * 20) / 2 + (50 * 20) / 3, 60);
  near(known.get('r late'), (50 * 100) / 2 + (50 * 20) / 3, 200);
  near(known.get('r long'), 50 * 100 + (50 * 100) / 2 + (50 * 20) / 2 + (50 * 20) / 3, 200);
  const all = [...known.values()].reduce((sum, joules) => sum + joules, 0);
  near(all, 100 * 100 + 100 * 20, 300);
});

test('no job takes less than nothing, and what was less is owed by what follows', async () => {
  const { pass, begin, end, known } = openMeter({ tells: { gpu: false, cpu: true } });
  await pass(70, { cpu: 50 });
  begin('calm', 'a/cpu');
  await pass(20, { cpu: 10 });
  end('calm');
  begin('next', 'a/cpu');
  await pass(10, { cpu: 110 });
  end('next');
  await pass(2, { cpu: 50 });
  assert.equal(known.get('r calm'), 0);
  near(known.get('r next'), 0, 0);
  await pass(70);
  begin('later', 'a/cpu');
  await pass(10, { cpu: 110 });
  end('later');
  await pass(3, { cpu: 50 });
  near(known.get('r later'), 10 * 60, 130);
});

test('a job is not known before the machine was seen at rest, with a test of it in between, or over a sleep', async () => {
  const { pass, begin, end, known, world } = openMeter();
  begin('too-early');
  await pass(10, { gpu: 200 });
  end('too-early');
  world.isTesting = true;
  await pass(100);
  world.isTesting = false;
  begin('after-test');
  await pass(10);
  end('after-test');
  await pass(100, { gpu: 30 });
  begin('slept');
  await pass(10, { gpu: 200 });
  world.now += 5 * 60_000;
  await pass(10);
  end('slept');
  await pass(3);
  assert.deepEqual([...known], []);
});

test('a clock that is put back leaves what was under way unknown, and not what comes', async () => {
  const { pass, begin, end, known, world } = openMeter();
  await pass(70);
  begin('back');
  await pass(5, { gpu: 130 });
  world.now -= 3_000;
  await pass(5);
  end('back');
  await pass(3, { gpu: 30 });
  assert.equal(known.size, 0);
  await pass(120);
  begin('next');
  await pass(10, { gpu: 130 });
  end('next');
  await pass(3, { gpu: 30 });
  near(known.get('r next'), 10 * 100, 110);
});

test('a job on a card that nobody reads, on a device that nobody knows, or too short to be seen, is not known', async () => {
  const { pass, begin, end, known } = openMeter({ tells: { gpu: false, cpu: true } });
  await pass(70);
  begin('card');
  begin('nowhere', 'a/tool');
  await pass(20);
  end('card');
  end('nowhere');
  await pass(3);
  assert.deepEqual([...known], []);
  const seen = openMeter();
  await seen.pass(70);
  seen.begin('short');
  seen.end('short');
  await seen.pass(5);
  assert.deepEqual([...seen.known], []);
});

test('reads nothing while no job may come, and seldom where no counter is; what it can read it tells', async () => {
  const paused = openMeter({ isExpecting: false });
  await paused.pass(600);
  assert.equal(paused.world.reads, 0);
  const blind = openMeter({ tells: { gpu: false, cpu: false } });
  await blind.pass(1);
  blind.begin('j1');
  await blind.pass(599);
  assert.equal(blind.world.reads, 2);
  assert.equal(blind.meter.isTold(), false);
  const { meter, pass } = openMeter({ tells: { gpu: false, cpu: true } });
  await pass(1);
  const told: [Parameters<EnergyMeter['isTold']>[0], boolean][] = [
    [undefined, true],
    [[], true],
    [['webgpu'], false],
    [['webgpu', 'cpu'], true],
  ];
  for (const [devices, isTold] of told) assert.equal(meter.isTold(devices), isTold, String(devices));
});
