import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adapterRule, advertisedHardware, gpuIdsOf, listGpus } from '../../../shared/preferences/gpu-rules.ts';
import { fitOf } from '../../../shared/preferences/memory-need.ts';
import { parseOwnerDocument } from '../../../shared/preferences/owner-document.ts';
import { DEFAULT_PREFERENCES } from '../../../shared/preferences/preferences.ts';
import type { Gpu } from '../../../shared/protocol/capabilities.ts';
import { isProblem } from '../../support/problems.ts';

const gpu = (name: string, vendor: string, vram_bytes: number | null = null): Gpu => ({
  ...{ name, vendor, vram_bytes, driver: null },
});
const TWO = [gpu('GeForce RTX 3080', 'NVIDIA', 10_000), gpu('UHD Graphics 770', 'Intel')];
const rule = (enabled: boolean, memory_bytes: number | null = null) => ({ enabled, memory_bytes });

test('names GPUs so that people can read it, and twins apart', () => {
  assert.deepEqual(gpuIdsOf(['GeForce RTX 3080', 'GeForce RTX 3080', '机']), [
    'geforce-rtx-3080',
    'geforce-rtx-3080-2',
    'gpu',
  ]);
});

test('finds the GPU that computes by its vendor, and lists an adapter that the system does not know', () => {
  const computing = (vendor: string) =>
    listGpus(TWO, { vendor, description: 'an adapter' })
      .filter(({ computes }) => computes)
      .map(({ id }) => id);
  assert.deepEqual(computing('nvidia'), ['geforce-rtx-3080']);
  assert.deepEqual(computing('intel'), ['uhd-graphics-770']);
  assert.deepEqual(computing('apple'), ['an-adapter']);
  assert.deepEqual(
    listGpus(null, undefined).map(({ id }) => id),
    [],
  );
});

test('where either of two GPUs may compute, both have to be enabled and the smaller cap counts', () => {
  const twins = listGpus([gpu('RTX', 'NVIDIA'), gpu('RTX', 'NVIDIA')], { vendor: 'nvidia', description: '' });
  assert.deepEqual(adapterRule({ gpus: { 'rtx-2': rule(false) } }, twins), rule(false));
  assert.deepEqual(adapterRule({ gpus: { rtx: rule(true, 7), 'rtx-2': rule(true, 5) } }, twins), rule(true, 5));
  assert.deepEqual(adapterRule({ gpus: { other: rule(false) } }, twins), rule(true));
});

test('[O10] a GPU that is switched off is not told of, and of a capped one no more memory than its cap', () => {
  const hardware = { platform: 'linux', arch: 'x64', cpu: 'c', cpu_threads: 1, memory_bytes: 1, gpus: TWO };
  const shown = (gpus: Record<string, ReturnType<typeof rule>>) => advertisedHardware(hardware, { gpus }).gpus;
  assert.deepEqual(shown({}), TWO);
  assert.deepEqual(shown({ 'geforce-rtx-3080': rule(false) }), [TWO[1]]);
  const capped = shown({ 'geforce-rtx-3080': rule(true, 4_000), 'uhd-graphics-770': rule(true, 50) });
  assert.deepEqual(
    capped?.map(({ vram_bytes }) => vram_bytes),
    [4_000, 50],
  );
});

test('[O10] what was found beside the words of an owner tells no more than the cap, and goes with its GPU', () => {
  const found = { name: 'RTX', vendor: 'NVIDIA', vram_bytes: 90_000, driver: null };
  const machine = { platform: 'linux', arch: 'x64', cpu: 'c', cpu_threads: 1, memory_bytes: 1 };
  const shown = (enabled: boolean, cap: number | null) =>
    advertisedHardware({ ...machine, gpus: [{ ...found, found }] }, { gpus: { rtx: rule(enabled, cap) } }).gpus;
  assert.deepEqual(shown(true, null), [{ ...found, found }]);
  assert.deepEqual(shown(true, 4_000), [{ ...found, vram_bytes: 4_000, found: { ...found, vram_bytes: null } }]);
  assert.deepEqual(shown(false, null), []);
});

test('a node without a screen understands the document of the desktop app, as for while its person is away', () => {
  const read = (changes: object) =>
    parseOwnerDocument(JSON.stringify({ ...DEFAULT_PREFERENCES, ...changes }), 'p.json');
  const { policy, preferences } = read({ policy: { jobs_per_client: 3, hours: ['mon 09:00-11:00'] } });
  assert.deepEqual(policy, { jobs_per_client: 3, hours: ['mon 09:00-11:00'], finish_running: true });
  assert.equal(preferences?.profiles.away.slots, 2);
  assert.equal(read({ supervised: true }).policy.paused, true, 'nobody is there to ask');
  const { here, away } = DEFAULT_PREFERENCES.profiles;
  assert.equal(read({ profiles: { here, away: { ...away, contribute: false } } }).policy.paused, true);
  assert.deepEqual(parseOwnerDocument('{"paused": true}', 'p.json'), {
    policy: { paused: true },
    preferences: undefined,
  });
  const message = /p\.json: The preferences are wrong at away_after_s/;
  assert.throws(() => read({ away_after_s: 1 }), isProblem('invalid_setting', message));
});

test('says whether a model fits from what is there, and nothing where nobody knows that', () => {
  assert.deepEqual(
    [fitOf(50, 100), fitOf(95, 100), fitOf(101, 100), fitOf(1, null)],
    ['fits', 'tight', 'too_big', 'unknown'],
  );
});
