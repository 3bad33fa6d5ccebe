import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeviceFact, Measurement } from '../../../../shared/runtimes/devices/choose-device.ts';
import { measureDevices, type TrialWorker } from '../../../../shared/runtimes/devices/measure-devices.ts';

const fact = (device: DeviceFact['device'], more: Partial<DeviceFact> = {}): DeviceFact => ({
  device,
  isPresent: true,
  isSimulated: false,
  memoryBytes: null,
  features: null,
  ...more,
});

/** Devices that take so many milliseconds for a run of ten tokens, by a clock that only their work moves. */
function machine(msPerRun: Record<string, number | 'crashes' | 'hangs'>) {
  let clock = 0;
  let alive = 0;
  const seen: string[] = [];
  const limits: AbortController[] = [];
  const start = (device: string): TrialWorker => {
    const ms = msPerRun[device] ?? 1;
    alive += 1;
    assert.equal(alive, 1, 'two trials at once');
    seen.push(device);
    clock += 5;
    return {
      loaded: ms === 'crashes' ? Promise.reject(new Error('no /usr/lib/libcudart.so.12 here')) : Promise.resolve(),
      run: async () => {
        if (ms === 'hangs') {
          limits.at(-1)?.abort(new Error('its time is up'));
          return new Promise<number>(() => undefined);
        }
        clock += Number(ms);
        return 10;
      },
      end: () => {
        alive -= 1;
      },
    };
  };
  const limit = (): AbortSignal => {
    const controller = new AbortController();
    limits.push(controller);
    return controller.signal;
  };
  return { seen, alive: () => alive, ports: { start, limit, now: () => clock } };
}

test('each device that could run the model is tried for a moment, one after the other, and let go of', async () => {
  const { ports, seen, alive } = machine({ cuda: 10, cpu: 100 });
  const devices = [fact('cuda'), fact('dml', { isPresent: false }), fact('webgpu', { isSimulated: true }), fact('cpu')];
  const measured = await measureDevices({ devices, dtypes: [{ dtype: 'q8', sizeBytes: 1 }], ...ports });
  assert.deepEqual(seen, ['cuda', 'cpu']);
  assert.deepEqual(measured, [
    { device: 'cuda', dtype: 'q8', loadMs: 5, perSecond: 1_000 },
    { device: 'cpu', dtype: 'q8', loadMs: 5, perSecond: 100 },
  ] satisfies Measurement[]);
  assert.equal(alive(), 0);
});

test('a device that crashes or hangs has failed with a reason, and the others are tried all the same', async () => {
  const { ports, alive } = machine({ cuda: 'crashes', webgpu: 'hangs', cpu: 50 });
  const devices = [fact('cuda'), fact('webgpu'), fact('cpu')];
  const dtypes = [{ dtype: 'q8', sizeBytes: 1 }];
  const measured = await measureDevices({ devices, dtypes, trialMs: 7, ...ports });
  assert.deepEqual(
    measured.map(({ device, perSecond, why }) => [device, perSecond, why]),
    [
      ['cuda', null, 'no … here'],
      ['webgpu', null, 'it took longer than 7 ms'],
      ['cpu', 200, undefined],
    ],
  );
  assert.equal(alive(), 0);
});

test('a device that is simulated is tried for tests alone', async () => {
  const { ports, seen } = machine({});
  const asked = { devices: [fact('webgpu', { isSimulated: true })], dtypes: [{ dtype: 'q8', sizeBytes: 1 }], ...ports };
  await measureDevices(asked);
  assert.deepEqual(seen, []);
  await measureDevices({ ...asked, allowSimulated: true });
  assert.deepEqual(seen, ['webgpu']);
});
